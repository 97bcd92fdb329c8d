//! The body of a pull answer, of messages in the first layout with IPv4 hosts.

use bytes::Bytes;

/// One message, borrowed.
pub struct View<'a> {
    pub queue_offset: i64,
    pub body: &'a [u8],
    pub body_crc: i32,
    pub topic: &'a str,
    pub properties: &'a str,
}

/// Where a message lies in its frame.
pub struct Place {
    pub start: u32,
    pub len: u32,
    /// Where in it body, topic and properties end; the body begins at 88.
    pub ends: [u32; 3],
}

/// The messages of one answer, and one share of its frame.
pub struct Shared {
    pub frame: Bytes,
    pub places: Vec<Place>,
}

/// One message with a share of the frame.
pub struct Owned {
    pub message: Bytes,
    pub ends: [u32; 3],
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The first message of `rest` and what follows it. Each length is checked against the message's end.
#[inline]
pub fn next(rest: &[u8]) -> Option<(View<'_>, &[u8])> {
    let size = usize::try_from(int(rest, 0)?).ok()?;
    let (message, rest) = rest.split_at_checked(size)?;
    let head = message.first_chunk::<88>()?;
    if int(head, 4)? != -626_843_481 || int(head, 36)? & 0x30 != 0 {
        return None;
    }
    let length = int(head, 84)?;
    let (body, after) = message.get(88..)?.split_at_checked(usize::try_from(length).ok()?)?;
    let (&length, after) = after.split_first()?;
    let (topic, after) = after.split_at_checked(usize::from(length))?;
    let (length, after) = after.split_first_chunk::<2>()?;
    let (properties, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    if !after.is_empty() {
        return None;
    }
    let view = View {
        queue_offset: i64::from_be_bytes(*head.get(20..)?.first_chunk()?),
        body,
        body_crc: int(head, 8)?,
        topic: str::from_utf8(topic).ok()?,
        properties: str::from_utf8(properties).ok()?,
    };
    Some((view, rest))
}

/// All messages; the list's room is known from the question (`maxMsgNums`).
pub fn shared(frame: &Bytes, room: usize) -> Option<Shared> {
    let mut places = Vec::with_capacity(room);
    each(frame, |place| places.push(place))?;
    Some(Shared { frame: frame.clone(), places })
}

/// Every message with a share of `frame`.
pub fn owned(frame: &Bytes, room: usize) -> Option<Vec<Owned>> {
    let mut all = Vec::with_capacity(room);
    each(frame, |Place { start, len, ends }| {
        let message = frame.slice(start as usize..(start + len) as usize);
        all.push(Owned { message, ends });
    })?;
    Some(all)
}

#[inline]
fn each(frame: &[u8], mut take: impl FnMut(Place)) -> Option<()> {
    let mut rest = frame;
    while !rest.is_empty() {
        let (view, after) = next(rest)?;
        let body = 88 + view.body.len() as u32;
        let topic = body + 1 + view.topic.len() as u32;
        let ends = [body, topic, topic + 2 + view.properties.len() as u32];
        let start = (frame.len() - rest.len()) as u32;
        take(Place { start, len: (rest.len() - after.len()) as u32, ends });
        rest = after;
    }
    Some(())
}

/// The value of a property.
pub fn property<'a>(properties: &'a str, name: &str) -> Option<&'a str> {
    let pieces = properties.as_bytes().split(|&byte| byte == 2);
    for piece in pieces {
        if let Some(after) = piece.strip_prefix(name.as_bytes())
            && let [1, value @ ..] = after
        {
            return str::from_utf8(value).ok();
        }
    }
    None
}
