//! Names of things the engine hands out. All are small, `Copy` and never reused within one engine.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
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

/// A table whose indices come back and whose ids do not.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Slab<T> {
    slots: alloc::vec::Vec<(u32, Option<T>)>,
    free: alloc::vec::Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: alloc::vec::Vec::new(), free: alloc::vec::Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a value in; the pair is index and generation.
    pub(crate) fn insert(&mut self, value: T) -> (u32, u32) {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            slot.1 = Some(value);
            return (index, slot.0);
        }
        self.slots.push((0, Some(value)));
        (self.slots.len() as u32 - 1, 0)
    }

    pub(crate) fn next_id(&self) -> (u32, u32) {
        let index = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        (index, self.slots.get(index as usize).map_or(0, |slot| slot.0))
    }

    pub(crate) fn get(&self, index: u32, generation: u32) -> Option<&T> {
        self.slots.get(index as usize).filter(|slot| slot.0 == generation)?.1.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32, generation: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize).filter(|slot| slot.0 == generation)?.1.as_mut()
    }

    pub(crate) fn remove(&mut self, index: u32, generation: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize).filter(|slot| slot.0 == generation)?;
        let value = slot.1.take()?;
        slot.0 = slot.0.wrapping_add(1);
        self.free.push(index);
        Some(value)
    }

    /// All values with index and generation, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, &T)> {
        let full = |(index, slot): (usize, &'_ (u32, Option<T>))| (index as u32, slot.0);
        self.slots.iter().enumerate().filter_map(move |entry| {
            let (index, generation) = full(entry);
            entry.1.1.as_ref().map(|value| (index, generation, value))
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
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
}
