//! What a set or map declares beside its elements: the types of its fields, flags, a comment (nft(8), SETS and MAPS).

use palisade_ir::{Family, LiftError};

use super::ast::{Field, Kind};
use super::cursor::Cursor;

/// What was declared so far.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) kinds: Vec<Kind>,
    pub(super) interval: bool,
}

impl Declared {
    /// Reads one line of a declaration; `false` when something else stands there.
    pub(super) fn line(&mut self, cursor: &mut Cursor) -> Result<bool, LiftError> {
        if cursor.take_word("type") {
            self.fields(cursor, kind)?;
        } else if cursor.take_word("typeof") {
            self.fields(cursor, typeof_field)?;
        } else if cursor.take_word("flags") {
            cursor.need_word("interval")?;
            self.interval = true;
        } else if cursor.take_word("comment") {
            cursor.text()?;
        } else if cursor.take_word("size") {
            cursor.number::<u32>()?;
        } else if !cursor.take_word("auto-merge") && !cursor.take_word("counter") {
            return Ok(false);
        }
        Ok(true)
    }

    fn fields(
        &mut self,
        cursor: &mut Cursor,
        read: fn(&mut Cursor) -> Result<Kind, LiftError>,
    ) -> Result<(), LiftError> {
        if !self.kinds.is_empty() {
            return Err(cursor.error("a second type"));
        }
        self.kinds.push(read(cursor)?);
        while cursor.take_word(".") {
            self.kinds.push(read(cursor)?);
        }
        Ok(())
    }
}

fn kind(cursor: &mut Cursor) -> Result<Kind, LiftError> {
    let error = cursor.expected("a type this reader knows");
    match cursor.word("a type")?.as_str() {
        "ipv4_addr" => Ok(Kind::Ipv4),
        "ipv6_addr" => Ok(Kind::Ipv6),
        "inet_service" => Ok(Kind::Port),
        "inet_proto" => Ok(Kind::Protocol),
        "ifname" => Ok(Kind::Interface),
        _ => Err(error),
    }
}

/// The type of what a rule would look at.
fn typeof_field(cursor: &mut Cursor) -> Result<Kind, LiftError> {
    let error = cursor.expected("a field this reader knows");
    let header = cursor.word("a field")?;
    if let "iifname" | "oifname" = header.as_str() {
        return Ok(Kind::Interface);
    }
    let name = cursor.word("a field")?;
    let field = match (header.as_str(), name.as_str()) {
        ("ip", "saddr" | "daddr") => Field::Source(Family::V4),
        ("ip6", "saddr" | "daddr") => Field::Source(Family::V6),
        ("tcp" | "udp" | "th", "sport" | "dport") => Field::DestinationPort,
        ("meta", "l4proto") => Field::Protocol,
        _ => return Err(error),
    };
    Ok(field.kind())
}
