/** The plot is so wide, in seconds. */
const WIDTH = 60;
const HEIGHT = 100;
const SVG = "http://www.w3.org/2000/svg";
/** A row of the table: how much there was of an item, and how much there is. */
export class Plot {
    row = document.createElement("tr");
    /** Nothing if there is no such item, as far as is known. */
    left;
    #svg = document.createElementNS(SVG, "svg");
    #number;
    /** What was known without a break, each at its time. */
    #lines = [[]];
    /** When something was missed. */
    #gaps = [];
    constructor(item) {
        this.row.insertCell().textContent = item;
        this.#svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
        this.#svg.setAttribute("preserveAspectRatio", "none");
        this.row.insertCell().append(this.#svg);
        this.#number = this.row.insertCell();
    }
    show(left, how) {
        if (how === "is")
            this.#lines.push([]);
        this.#lines.at(-1)?.push([Date.now(), left]);
        this.left = left;
        this.#number.textContent = String(left);
        this.row.hidden = false;
        this.draw();
    }
    /** Whether there is such an item is told anew. */
    forget() {
        this.left = undefined;
        this.row.hidden = true;
        this.#number.textContent = "";
    }
    /** What was in between is not known. */
    mark() {
        this.#gaps.push(Date.now());
        this.#lines.push([]);
    }
    draw() {
        const now = Date.now();
        const x = (time) => WIDTH - (now - time) / 1000;
        this.#gaps = this.#gaps.filter(time => x(time) > 0);
        const gaps = this.#gaps.map(time => shape("line", { x1: x(time), x2: x(time), y1: 0, y2: HEIGHT }));
        const lines = this.#lines.map((points, place) => {
            const steps = points.map(([time, left], step) => {
                const end = points[step + 1]?.[0] ?? (place === this.#lines.length - 1 ? now : time);
                return `${x(time)},${HEIGHT - left} ${x(end)},${HEIGHT - left}`;
            });
            return shape("polyline", { points: steps.join(" ") });
        });
        this.#svg.replaceChildren(...lines, ...gaps);
        this.#trim(now - WIDTH * 1000);
    }
    /** Forgets what is no longer to be seen, but for what is still so. */
    #trim(before) {
        const last = this.#lines.length - 1;
        this.#lines = this.#lines.filter((points, place) => place === last || (points.at(-1)?.[0] ?? 0) > before);
        for (const points of this.#lines) {
            while ((points[1]?.[0] ?? Infinity) < before)
                points.shift();
            if (points[0] && points[0][0] < before)
                points[0][0] = before;
        }
    }
}
function shape(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, String(value));
    return element;
}
