//! A signature over bytes that lie in one piece.

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The signing function with its key absorbed.
pub fn keyed(secret: &[u8]) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret).expect("a key of any length")
}

/// Base64 of the HMAC-SHA1 of `bytes`: 20 bytes are six groups of three and one of two.
pub fn sign(key: &Hmac<Sha1>, bytes: &[u8]) -> [u8; 28] {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut mac = key.clone();
    mac.update(bytes);
    let mut digest = [0; 21];
    digest[..20].copy_from_slice(&mac.finalize().into_bytes());
    let mut text = [0; 28];
    for (symbols, three) in text.chunks_exact_mut(4).zip(digest.chunks_exact(3)) {
        let word = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for (place, symbol) in symbols.iter_mut().enumerate() {
            *symbol = SYMBOLS[(word >> (18 - 6 * place)) as usize & 63];
        }
    }
    text[27] = b'=';
    text
}
