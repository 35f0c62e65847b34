//! Something that sounds like a language model. To the same question it gives the same answer, so it
//! can go on in the middle.

const OPENINGS: [&str; 4] = ["Well,", "In short:", "That depends.", "Good question."];
const SUBJECTS: [&str; 6] =
    ["the log", "every reader", "a slow phone", "the cursor", "an event", "the disk"];
const VERBS: [&str; 6] = ["remembers", "waits for", "keeps", "finds", "never loses", "reads"];
const ENDS: [&str; 6] =
    [".", ", as promised.", ", in order.", ", once.", " — always.", ", ça va 🙂."];
const SENTENCES: u64 = 24;

/// The tokens of an answer.
pub(crate) fn tokens(prompt: &str) -> impl Iterator<Item = String> + use<> {
    let mut choice = prompt.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    let mut pick = move |words: &[&str]| {
        choice = mix(choice, 1);
        words[(choice >> 33) as usize % words.len()].to_owned()
    };
    let mut answer = vec![pick(&OPENINGS)];
    for _ in 0..SENTENCES {
        let (subject, verb, object) = (pick(&SUBJECTS), pick(&VERBS), pick(&SUBJECTS));
        let sentence = format!("{subject} {verb} {object}");
        answer.extend(sentence.split(' ').map(|word| format!(" {word}")));
        answer.push(pick(&ENDS));
    }
    answer.into_iter()
}

fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
}
