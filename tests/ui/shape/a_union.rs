use sse_framework::SseEvent;

#[derive(SseEvent)]
union Number {
    small: u8,
    big: u64,
}

fn main() {}
