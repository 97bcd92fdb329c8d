//! A target's bytes, taken apart from the front; zeros when they are used up.

/// A cursor over the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let taken = self.bytes(N);
        out[..taken.len()].copy_from_slice(taken);
        out
    }

    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub fn i32(&mut self) -> i32 {
        self.u32() as i32
    }

    /// Whole numbers as hosts and peers like to send them: small, at an edge, or any.
    pub fn i64(&mut self) -> i64 {
        match self.byte() {
            0xff => i64::MAX,
            0xfe => i64::MIN,
            0xfd => -1,
            0xfc => i64::from_be_bytes(self.array()),
            0xfb => i64::from(self.i32()),
            small => i64::from(small),
        }
    }

    /// At most `len` bytes.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes behind their length in one byte.
    pub fn short(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.bytes(len.into())
    }

    /// Text behind its length in one byte: up to the first byte that is no UTF-8.
    pub fn text(&mut self) -> &'a str {
        let bytes = self.short();
        bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}
