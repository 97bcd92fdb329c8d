//! Names of things the engine hands out. All are small, `Copy` and never reused within one engine.

use alloc::vec::Vec;
use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            pub(crate) index: u32,
            pub(crate) generation: u32,
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}.{})"), self.index, self.generation)
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> u64 {
                (u64::from(id.generation) << 32) | u64::from(id.index)
            }
        }

        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                Self { index: id as u32, generation: (id >> 32) as u32 }
            }
        }
    };
}

id! {
    /// One connection the driver was asked to make. Its index is small and comes back, so that a driver can use it
    /// for a table; the generation does not.
    ConnId
}
id! {
    /// One accepted send; its ending carries it.
    SendId
}
id! {
    /// One producer of this client.
    ProducerId
}
id! {
    /// One consumer of this client.
    ConsumerId
}

impl ConnId {
    /// A small number unique among the connections alive: an index for the driver's own table.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

impl SendId {
    /// A small number unique among the sends that have not ended: an index for a table of completions.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// Values of a slab that lie together.
const CHUNK: usize = 64;

/// A table whose indices come back and whose ids do not. It grows by chunks: nothing that is in it moves, no step
/// copies much, and no more than a chunk is held for nothing.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Place<T>>>,
    /// Of all chunks: counted, as it is asked for with each send.
    places: u32,
    free: Vec<u32>,
}

#[derive(Clone, Debug, Hash)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Place<T> {
    /// What is put in next is another thing.
    #[inline]
    fn vacate(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), places: 0, free: Vec::new() }
    }
}

impl<T> Slab<T> {
    #[inline]
    fn place(&self, index: u32) -> Option<&Place<T>> {
        self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
    }

    #[inline]
    fn place_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)
    }

    /// Puts a value in; the pair is index and generation.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> (u32, u32) {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.place_mut(index)
        {
            place.value = Some(value);
            return (index, place.generation);
        }
        (self.push(value), 0)
    }

    fn push(&mut self, value: T) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows as it is needed: most slabs are small.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Place { generation: 0, value: Some(value) });
        }
        self.places += 1;
        self.places - 1
    }

    /// What the next value put in will have.
    pub(crate) fn next_id(&self) -> (u32, u32) {
        let index = self.free.last().copied().unwrap_or(self.places);
        (index, self.generation(index).unwrap_or_default())
    }

    /// The generation a place has now, whether something is in it or not.
    pub(crate) fn generation(&self, index: u32) -> Option<u32> {
        self.place(index).map(|place| place.generation)
    }

    /// What is in a place now.
    #[inline]
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        self.place(index)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get(&self, index: u32, generation: u32) -> Option<&T> {
        self.place(index).filter(|place| place.generation == generation)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32, generation: u32) -> Option<&mut T> {
        self.place_mut(index).filter(|place| place.generation == generation)?.value.as_mut()
    }

    #[inline]
    pub(crate) fn remove(&mut self, index: u32, generation: u32) -> Option<T> {
        let place = self.place_mut(index).filter(|place| place.generation == generation)?;
        let value = place.value.take()?;
        place.vacate();
        self.free.push(index);
        Some(value)
    }

    /// As [`remove`](Self::remove), the value being dropped where it lies.
    #[inline]
    pub(crate) fn discard(&mut self, index: u32, generation: u32) {
        if let Some(place) = self.place_mut(index)
            && place.generation == generation
            && place.value.is_some()
        {
            place.value = None;
            place.vacate();
            self.free.push(index);
        }
    }

    /// All values with index and generation, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, &T)> {
        let places = self.chunks.iter().flatten().enumerate();
        places.filter_map(|(index, place)| Some((index as u32, place.generation, place.value.as_ref()?)))
    }

    /// All values, by index.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten().filter_map(|place| place.value.as_mut())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.places as usize - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_comes_back_with_another_generation() {
        let mut slab = Slab::default();
        let (index, generation) = slab.insert('a');
        assert_eq!(slab.remove(index, generation), Some('a'));
        assert_eq!(slab.remove(index, generation), None);
        let (again, other) = slab.insert('b');
        assert_eq!(again, index);
        assert_ne!(other, generation);
        assert_eq!((slab.get(index, generation), slab.get(again, other)), (None, Some(&'b')));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn many_are_found_by_index_in_order() {
        let mut slab = Slab::default();
        let ids: Vec<_> = (0..3 * CHUNK + 5).map(|n| slab.insert(n)).collect();
        for n in (0..ids.len()).step_by(3) {
            assert_eq!(slab.remove(ids[n].0, ids[n].1), Some(n));
        }
        let left: Vec<_> = slab.iter().map(|(index, _, n)| (index as usize, *n)).collect();
        let expected: Vec<_> = (0..ids.len()).filter(|n| n % 3 != 0).map(|n| (n, n)).collect();
        assert_eq!((left, slab.len()), (expected.clone(), expected.len()));
        slab.values_mut().for_each(|n| *n += 1);
        assert!(expected.iter().all(|(index, n)| slab.get(*index as u32, 0) == Some(&(n + 1))));
    }
}
