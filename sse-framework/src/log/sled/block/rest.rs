//! Takes bytes apart.

use crate::log::BatchKey;

/// Bytes that have not been taken apart yet.
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("a block is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("a block is cut short")?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, &'static str> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn batch_key(&mut self) -> Result<BatchKey, &'static str> {
        let mut half = || self.array().map(u128::from_le_bytes);
        Ok(BatchKey { key: half()?, content: half()? })
    }

    pub(super) fn type_(&mut self) -> Result<(&'a str, u32), &'static str> {
        Ok((self.text()?, self.u32()?))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, &'static str> {
        let length = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.take(usize::from(length))?).map_err(|_| "a name is not UTF-8")
    }
}
