//! The look-up structures as bytes: fields in order, numbers little endian, sequences after their length.
//!
//! Reading is copying. It ends with an error or a value that takes memory of the order of its bytes; whether values
//! make sense is the business of the look-ups, which never panic and always end, whatever the structures hold.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// A value with a form of bytes.
pub(crate) trait Stored: Sized {
    /// The fewest bytes of a value: a length that promises more than there are bytes is refused before memory is taken.
    const FEWEST: usize;
    /// Appends the form of a value.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads a value and moves on behind it; `None` when the bytes are none.
    fn read(input: &mut &[u8]) -> Option<Self>;
    /// Reads so many values.
    fn read_all(count: usize, input: &mut &[u8]) -> Option<Vec<Self>> {
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(Self::read(input)?);
        }
        Some(values)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Stored for $number {
            const FEWEST: usize = size_of::<Self>();

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn read(input: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = input.split_first_chunk()?;
                *input = rest;
                Some(Self::from_le_bytes(*bytes))
            }

            fn read_all(count: usize, input: &mut &[u8]) -> Option<Vec<Self>> {
                let (bytes, rest) = input.split_at_checked(count.checked_mul(Self::FEWEST)?)?;
                *input = rest;
                let (numbers, _) = bytes.as_chunks();
                Some(numbers.iter().map(|bytes| Self::from_le_bytes(*bytes)).collect())
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128);

/// Field by field, in the order given.
macro_rules! stored {
    ($name:ident $(<$number:ident>)? { $($field:ident),* }) => {
        impl $(<$number: crate::layout::Number>)? crate::stored::Stored for $name $(<$number>)? {
            const FEWEST: usize = 1;

            fn write(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.write(out);)*
            }

            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: crate::stored::Stored::read(input)?),* })
            }
        }
    };
}
pub(crate) use stored;

impl<T: Stored> Stored for Vec<T> {
    const FEWEST: usize = 4;

    fn write(&self, out: &mut Vec<u8>) {
        // The budget of the structures keeps them far below 2^32 elements.
        (self.len() as u32).write(out);
        out.reserve(self.len() * T::FEWEST);
        self.iter().for_each(|value| value.write(out));
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        let count = u32::read(input)? as usize;
        if count > input.len() / T::FEWEST.max(1) {
            return None;
        }
        T::read_all(count, input)
    }
}

impl<T: Stored> Stored for Option<T> {
    const FEWEST: usize = 1;

    fn write(&self, out: &mut Vec<u8>) {
        u8::from(self.is_some()).write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(None),
            1 => T::read(input).map(Some),
            _ => None,
        }
    }
}

impl<T: Stored> Stored for Box<T> {
    const FEWEST: usize = T::FEWEST;

    fn write(&self, out: &mut Vec<u8>) {
        self.as_ref().write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        T::read(input).map(Box::new)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    const FEWEST: usize = A::FEWEST + B::FEWEST;

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some((A::read(input)?, B::read(input)?))
    }
}

impl<T: Stored + Copy, const COUNT: usize> Stored for [T; COUNT] {
    const FEWEST: usize = COUNT * T::FEWEST;

    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.write(out));
    }

    #[inline]
    fn read(input: &mut &[u8]) -> Option<Self> {
        let mut values = [T::read(input)?; COUNT];
        for place in values.iter_mut().skip(1) {
            *place = T::read(input)?;
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sample = (Vec<(u16, u128)>, Option<[u32; 3]>);

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let sample: Sample = (vec![(1, 2), (3, u128::MAX)], Some([4, 5, 6]));
        let mut bytes = Vec::new();
        sample.write(&mut bytes);
        assert_eq!(bytes.len(), 4 + 2 * 18 + 1 + 12);
        assert_eq!(Sample::read(&mut &bytes[..]), Some(sample));
        for length in 0..bytes.len() {
            assert_eq!(Sample::read(&mut &bytes[..length]), None, "{length}");
        }
        assert_eq!(Vec::<u8>::read(&mut &u32::MAX.to_le_bytes()[..]), None, "before memory is taken");
        assert_eq!(Option::<u8>::read(&mut &[2, 2][..]), None);
    }
}
