//! Cutting bytes that arrive piece by piece into lines.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes that have arrived, and how far they have been read.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the line that is being read begins.
    start: usize,
    /// Between `start` and here is no line end, so no byte is looked at twice.
    scanned: usize,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    past_first_line: bool,
}

impl Lines {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        // Only when at least half is waste, so that each byte is moved once on average.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// The next whole line, without its end and without the byte order mark of the stream.
    pub(super) fn next_line(&mut self) -> Option<&[u8]> {
        self.skip_rest_of_crlf();
        let unread = self.bytes.get(self.scanned..)?;
        let Some(length) = unread.iter().position(|&b| b == b'\n' || b == b'\r') else {
            self.scanned = self.bytes.len();
            return None;
        };
        let (start, end) = (self.start, self.scanned + length);
        self.after_cr = unread.get(length) == Some(&b'\r');
        self.start = end + 1;
        self.scanned = end + 1;
        let line = self.bytes.get(start..end)?;
        if std::mem::replace(&mut self.past_first_line, true) {
            return Some(line);
        }
        Some(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line))
    }

    /// How many bytes of a line have arrived whose end has not.
    pub(super) fn unfinished(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn skip_rest_of_crlf(&mut self) {
        if !self.after_cr {
            return;
        }
        let Some(&next) = self.bytes.get(self.start) else { return };
        self.after_cr = false;
        if next == b'\n' {
            self.start += 1;
            self.scanned = self.start;
        }
    }
}
