//! System flag bits of stored messages and of pull requests (Java `MessageSysFlag`, `PullSysFlag`).

use super::compress::CompressionType;

/// Bits of a stored message's SYSFLAG (Java `MessageSysFlag`). Unknown bits pass through untouched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SysFlag(pub i32);

impl SysFlag {
    /// The body is compressed.
    pub const COMPRESSED: i32 = 0x1;
    /// The message carries several tags (never written by today's clients).
    pub const MULTI_TAGS: i32 = 0x2;
    /// Mask of the transaction bits.
    pub const TRANSACTION_MASK: i32 = 0xC;
    /// Half message.
    pub const TRANSACTION_PREPARED: i32 = 0x4;
    /// Committed transaction message.
    pub const TRANSACTION_COMMIT: i32 = 0x8;
    /// Rolled back transaction message.
    pub const TRANSACTION_ROLLBACK: i32 = 0xC;
    /// BORNHOST is an IPv6 address.
    pub const BORNHOST_V6: i32 = 0x10;
    /// STOREHOST is an IPv6 address.
    pub const STOREHOST_V6: i32 = 0x20;
    /// The consumer must unwrap the inner batch.
    pub const NEED_UNWRAP: i32 = 0x40;
    /// The body holds the entries of a batch.
    pub const INNER_BATCH: i32 = 0x80;
    /// Mask of the compression type bits.
    pub const COMPRESSION_MASK: i32 = 0x700;
    const COMPRESSION_SHIFT: u32 = 8;

    /// Whether every bit of `mask` is set.
    pub const fn has(self, mask: i32) -> bool {
        self.0 & mask == mask
    }

    /// Whether the body is compressed.
    pub const fn is_compressed(self) -> bool {
        self.has(Self::COMPRESSED)
    }

    /// Whether a consumer has to unwrap the body into several messages: both batch bits are set.
    pub const fn is_inner_batch(self) -> bool {
        self.has(Self::NEED_UNWRAP | Self::INNER_BATCH)
    }

    /// The compression type bits as written, 0 to 7.
    pub const fn compression_bits(self) -> u8 {
        ((self.0 & Self::COMPRESSION_MASK) >> Self::COMPRESSION_SHIFT) as u8
    }

    /// The compression type named by the type bits; 0, written by old clients, is zlib. `None` for 4 to 7.
    pub const fn compression_type(self) -> Option<CompressionType> {
        match self.compression_bits() {
            0 | 3 => Some(CompressionType::Zlib),
            1 => Some(CompressionType::Lz4),
            2 => Some(CompressionType::Zstd),
            _ => None,
        }
    }

    /// The flag a sender sets for a body compressed with `kind`: the compressed bit and the type bits.
    #[must_use]
    pub const fn with_compression(self, kind: CompressionType) -> SysFlag {
        let bits = (kind as i32) << Self::COMPRESSION_SHIFT;
        SysFlag((self.0 & !Self::COMPRESSION_MASK) | Self::COMPRESSED | bits)
    }

    /// The flag of a message handed out after decompression: Java clears bit 0 only.
    #[must_use]
    pub const fn without_compressed(self) -> SysFlag {
        SysFlag(self.0 & !Self::COMPRESSED)
    }
}

/// Bits of a pull request's `sysFlag` (Java `PullSysFlag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullSysFlag(pub i32);

impl PullSysFlag {
    /// `commitOffset` of the request is to be committed.
    pub const COMMIT_OFFSET: i32 = 0x1;
    /// The broker may hold the request (long poll).
    pub const SUSPEND: i32 = 0x2;
    /// The request carries its subscription text.
    pub const SUBSCRIPTION: i32 = 0x4;
    /// Class filter (obsolete).
    pub const CLASS_FILTER: i32 = 0x8;
    /// Sent by a lite pull consumer.
    pub const LITE_PULL: i32 = 0x10;

    /// The flag with `mask` set when `on`.
    #[must_use]
    pub const fn with(self, mask: i32, on: bool) -> PullSysFlag {
        PullSysFlag(if on { self.0 | mask } else { self.0 & !mask })
    }

    /// Whether every bit of `mask` is set.
    pub const fn has(self, mask: i32) -> bool {
        self.0 & mask == mask
    }
}
