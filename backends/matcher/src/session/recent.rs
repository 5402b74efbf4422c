//! Sessions in the order in which they were last seen: a list through the places of one vector, so that a packet moves
//! its session to the end of the order by writing a few numbers.

use alloc::vec::Vec;

use super::Session;

/// What stands for no place: at the ends of a list.
const NONE: usize = usize::MAX;

/// Sessions, each at a place of its own until it is removed.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    places: Vec<Place>,
    /// Places without a session, the next one in `newer`.
    free: usize,
    oldest: usize,
    newest: usize,
}

#[derive(Clone, Debug)]
struct Place {
    session: Option<Session>,
    older: usize,
    newer: usize,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NONE, oldest: NONE, newest: NONE }
    }

    /// The session that was quiet for longest.
    pub(super) fn oldest(&self) -> Option<&Session> {
        self.get(self.oldest)
    }

    /// Where it stands; without sessions, no place.
    pub(super) const fn oldest_place(&self) -> usize {
        self.oldest
    }

    pub(super) fn get(&self, at: usize) -> Option<&Session> {
        self.places.get(at)?.session.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Session> {
        self.places.get_mut(at)?.session.as_mut()
    }

    /// Beyond all places that were ever taken.
    pub(super) const fn end(&self) -> usize {
        self.places.len()
    }

    /// Takes a place, at the end of the order.
    pub(super) fn push(&mut self, session: Session) -> usize {
        let place = Place { session: Some(session), older: NONE, newer: NONE };
        let at = match self.places.get_mut(self.free) {
            Some(free) => {
                let at = core::mem::replace(&mut self.free, free.newer);
                *free = place;
                at
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        self.append(at);
        at
    }

    /// Moves a session to the end of the order.
    pub(super) fn refresh(&mut self, at: usize) {
        if at != self.newest {
            self.unlink(at);
            self.append(at);
        }
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Session> {
        let session = self.places.get_mut(at)?.session.take()?;
        self.unlink(at);
        if let Some(place) = self.places.get_mut(at) {
            place.newer = self.free;
            self.free = at;
        }
        Some(session)
    }

    /// Writes a place that is in no list behind the newest.
    fn append(&mut self, at: usize) {
        let older = core::mem::replace(&mut self.newest, at);
        *self.after(older) = at;
        if let Some(place) = self.places.get_mut(at) {
            (place.older, place.newer) = (older, NONE);
        }
    }

    fn unlink(&mut self, at: usize) {
        let Some(Place { older, newer, .. }) = self.places.get(at) else { return };
        let (older, newer) = (*older, *newer);
        *self.after(older) = newer;
        match self.places.get_mut(newer) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
    }

    /// Where it is written what follows a place: for no place, what comes first.
    fn after(&mut self, at: usize) -> &mut usize {
        match self.places.get_mut(at) {
            Some(place) => &mut place.newer,
            None => &mut self.oldest,
        }
    }
}
