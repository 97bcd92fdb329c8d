//! SEND_MESSAGE_V2 and its answer, in both forms.

/// What changes from send to send.
pub struct Send<'a> {
    pub group: &'a str,
    pub topic: &'a str,
    pub broker: &'a str,
    pub queue_id: i32,
    pub born_timestamp: i64,
    pub properties: &'a str,
    pub opaque: i32,
}

/// The answer, typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    pub code: i32,
    pub opaque: i32,
    pub msg_id: &'a str,
    pub transaction_id: Option<&'a str>,
    pub queue_id: i32,
    pub queue_offset: i64,
}

fn digits(buffer: &mut [u8; 20], value: i64) -> &[u8] {
    let mut at = buffer.len();
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// Appends a whole number's digits.
pub fn number(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(digits(&mut [0; 20], value));
}

/// JSON text of the separators and whatever else may not stand in a string, copied in runs.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let (run, stop) = rest.split_at(plain(rest));
        out.extend_from_slice(run);
        let Some((&byte, after)) = stop.split_first() else { return };
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
        out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        rest = after;
    }
}

fn prefix(out: &mut [u8], serialize: u8, head: usize, body: usize) {
    out[..4].copy_from_slice(&((4 + head + body) as u32).to_be_bytes());
    out[4..8].copy_from_slice(&(u32::from(serialize) << 24 | head as u32).to_be_bytes());
}

/// Length prefix, head word and JSON head.
pub fn send_json(out: &mut Vec<u8>, send: &Send<'_>, body: usize) {
    let mut buffer = [0; 20];
    let start = out.len();
    out.extend_from_slice(b"\0\0\0\0\0\0\0\0{\"code\":310,\"extFields\":{\"a\":\"");
    out.extend_from_slice(send.group.as_bytes());
    out.extend_from_slice(b"\",\"b\":\"");
    out.extend_from_slice(send.topic.as_bytes());
    out.extend_from_slice(b"\",\"c\":\"TBW102\",\"d\":\"4\",\"e\":\"");
    out.extend_from_slice(digits(&mut buffer, i64::from(send.queue_id)));
    out.extend_from_slice(b"\",\"f\":\"0\",\"g\":\"");
    out.extend_from_slice(digits(&mut buffer, send.born_timestamp));
    out.extend_from_slice(b"\",\"h\":\"0\",\"i\":\"");
    escaped(out, send.properties);
    out.extend_from_slice(b"\",\"j\":\"0\",\"k\":\"false\",\"m\":\"false\",\"n\":\"");
    out.extend_from_slice(send.broker.as_bytes());
    out.extend_from_slice(b"\"},\"flag\":0,\"language\":\"RUST\",\"opaque\":");
    out.extend_from_slice(digits(&mut buffer, i64::from(send.opaque)));
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":513}");
    let head = out.len() - start - 8;
    prefix(&mut out[start..], 0, head, body);
}

/// Length prefix, head word and binary head.
pub fn send_binary(out: &mut Vec<u8>, send: &Send<'_>, body: usize) {
    fn entry(out: &mut Vec<u8>, key: u8, value: &[u8]) {
        out.extend_from_slice(&[0, 1, key]);
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(value);
    }
    let mut buffer = [0; 20];
    let start = out.len();
    out.extend_from_slice(b"\0\0\0\0\0\0\0\0\x01\x36\x0c\x02\x01");
    out.extend_from_slice(&send.opaque.to_be_bytes());
    // Flag, no remark, room for the length of the fields.
    out.extend_from_slice(&[0; 12]);
    let fields = out.len();
    entry(out, b'a', send.group.as_bytes());
    entry(out, b'b', send.topic.as_bytes());
    out.extend_from_slice(b"\0\x01c\0\0\0\x06TBW102\0\x01d\0\0\0\x014");
    entry(out, b'e', digits(&mut buffer, i64::from(send.queue_id)));
    out.extend_from_slice(b"\0\x01f\0\0\0\x010");
    entry(out, b'g', digits(&mut buffer, send.born_timestamp));
    out.extend_from_slice(b"\0\x01h\0\0\0\x010");
    entry(out, b'i', send.properties.as_bytes());
    out.extend_from_slice(b"\0\x01j\0\0\0\x010\0\x01k\0\0\0\x05false\0\x01m\0\0\0\x05false");
    entry(out, b'n', send.broker.as_bytes());
    let len = (out.len() - fields) as u32;
    out[fields - 4..fields].copy_from_slice(&len.to_be_bytes());
    let head = out.len() - start - 8;
    prefix(&mut out[start..], 1, head, body);
}

/// The answer's head in JSON as a broker writes it; anything else is `None`, and would be for general code.
pub fn sent_json(head: &[u8]) -> Option<Sent<'_>> {
    let mut sent =
        Sent { code: 0, opaque: 0, msg_id: "", transaction_id: None, queue_id: 0, queue_offset: 0 };
    let mut at = Scan { bytes: head, at: 0 };
    at.byte(b'{')?;
    loop {
        match at.key()? {
            b"code" => sent.code = at.number()? as i32,
            b"opaque" => sent.opaque = at.number()? as i32,
            b"flag" | b"version" => drop(at.number()?),
            b"extFields" => {
                at.byte(b'{')?;
                loop {
                    match at.key()? {
                        b"msgId" => sent.msg_id = str::from_utf8(at.text()?).ok()?,
                        b"transactionId" => sent.transaction_id = str::from_utf8(at.text()?).ok(),
                        b"queueId" => sent.queue_id = whole(at.text()?)? as i32,
                        b"queueOffset" => sent.queue_offset = whole(at.text()?)?,
                        _ => drop(at.text()?),
                    }
                    if at.next()? == b'}' {
                        break;
                    }
                }
            }
            _ => drop(at.text()?),
        }
        if at.next()? == b'}' {
            return Some(sent);
        }
    }
}

/// Bytes before a quote, a backslash or a control character, eight at a time.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let stops = (word ^ (ONES * 0x22)).wrapping_sub(ONES)
            | (word ^ (ONES * 0x5c)).wrapping_sub(ONES)
            | word.wrapping_sub(ONES * 0x20);
        let stops = stops & !word & (ONES << 7);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let stop = bytes[at..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    at + stop.unwrap_or(bytes.len() - at)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let rest = &self.bytes[self.at..];
        let end = plain(rest);
        self.at += end;
        self.byte(b'"')?;
        Some(&rest[..end])
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.text()?;
        self.byte(b':')?;
        Some(key)
    }

    fn number(&mut self) -> Option<i64> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?;
        self.at += end;
        whole(&rest[..end])
    }
}

fn whole(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -value } else { value })
}

/// The answer's head in the binary form.
pub fn sent_binary(head: &[u8]) -> Option<Sent<'_>> {
    let mut sent =
        Sent { code: 0, opaque: 0, msg_id: "", transaction_id: None, queue_id: 0, queue_offset: 0 };
    let (fixed, rest) = head.split_first_chunk::<13>()?;
    sent.code = i32::from(i16::from_be_bytes([fixed[0], fixed[1]]));
    sent.opaque = i32::from_be_bytes([fixed[5], fixed[6], fixed[7], fixed[8]]);
    let (_remark, rest) = piece::<4>(rest)?;
    let (mut fields, rest) = piece::<4>(rest)?;
    while !fields.is_empty() {
        let (key, after) = piece::<2>(fields)?;
        let (value, after) = piece::<4>(after)?;
        fields = after;
        match key {
            b"msgId" => sent.msg_id = str::from_utf8(value).ok()?,
            b"transactionId" => sent.transaction_id = str::from_utf8(value).ok(),
            b"queueId" => sent.queue_id = whole(value)? as i32,
            b"queueOffset" => sent.queue_offset = whole(value)?,
            _ => {}
        }
    }
    rest.is_empty().then_some(sent)
}

/// Bytes behind a length of `N` bytes.
fn piece<const N: usize>(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<N>()?;
    let length = length.iter().fold(0_usize, |all, &byte| all << 8 | usize::from(byte));
    rest.split_at_checked(length)
}
