//! A running digest of what engines put out: two runs of a seed must end with the same one.

/// Mixes words and bytes into 64 bits; fast, not cryptographic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// Mixes a number in.
    pub fn word(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e6c_63d0_876a_68b5);
        self.0 = mixed ^ (mixed >> 29);
    }

    /// Mixes bytes in, their number too.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.word(u64::from_le_bytes(last));
    }

    /// The digest so far.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_every_length_tells() {
        let of = |bytes: &[u8]| {
            let mut digest = Digest::default();
            digest.bytes(bytes);
            digest.value()
        };
        let base = *b"0123456789abcdefXYZ";
        for at in 0..base.len() {
            let mut other = base;
            other[at] ^= 1;
            assert_ne!(of(&base), of(&other), "{at}");
            assert_ne!(of(&base), of(&base[..at]), "{at}");
        }
    }
}
