//! What a log consists of, for people.

use sse_framework::LogStats;

pub(crate) fn stats(stats: &LogStats) {
    match stats.records {
        Some((oldest, newest)) => {
            let count = newest.seq() + 1 - oldest.seq();
            println!("records   {count}, from {oldest} to {newest}");
        }
        None => println!("records   none"),
    }
    if let Some((oldest, newest)) = stats.times_ms {
        println!("times     {oldest} to {newest} (milliseconds since 1970)");
    }
    let bytes = |of: fn(&sse_framework::SegmentStats) -> u64| -> u64 {
        stats.segments.iter().map(of).sum()
    };
    let (payload, disk) = (bytes(|segment| segment.payload_bytes), bytes(|it| it.disk_bytes));
    println!("bytes     {payload} of records, {disk} on disk");
    for lost in &stats.lost {
        println!("lost      records {} to {}", lost.start(), lost.end());
    }
    for (epoch, first) in &stats.epochs {
        println!("epoch     {epoch} from {first}");
    }
    for segment in &stats.segments {
        let sealed = if segment.sealed { "sealed" } else { "not sealed" };
        let (first, last, bytes) = (segment.first, segment.last, segment.disk_bytes);
        println!("segment   {first} to {last}, {bytes} bytes on disk, {sealed}");
    }
}
