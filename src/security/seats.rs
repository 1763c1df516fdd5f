//! Threat: an answer that goes on for as long as its reader likes (a stream of events) holds a connection, memory and
//! work for all that time, and no limit on how often one may ask counts it (OWASP API4:2023). So there are only so many
//! seats: for one caller, that a page left open in many tabs or a stolen token cannot take them all, and for everybody
//! together.
//!
//! It does not cover other replicas: each has seats of its own, as it has connections of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// For one caller: a few tabs, and those of a laptop that was closed without a word.
const EACH: usize = 8;
/// For everybody.
const ALL: usize = 64;

/// Who sits where. Cheap to clone.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A seat that is taken, until this is dropped.
pub struct Seat {
    seats: Seats,
    who: Uuid,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The caller has as many as one may have.
    Own,
    /// Others have taken all there are.
    House,
}

impl Seats {
    pub fn take(&self, who: Uuid) -> Result<Seat, Full> {
        let mut taken = self.lock();
        if taken.get(&who).is_some_and(|own| *own >= EACH) {
            return Err(Full::Own);
        }
        if taken.values().sum::<usize>() >= ALL {
            return Err(Full::House);
        }
        *taken.entry(who).or_default() += 1;
        Ok(Seat { seats: self.clone(), who })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(own) = taken.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(seats: &Seats, who: u128, count: usize) -> Vec<Seat> {
        (0..count).map(|_| seats.take(Uuid::from_u128(who)).ok().unwrap()).collect()
    }

    #[test]
    fn nobody_sits_on_more_than_their_own_and_a_seat_that_was_left_is_free_at_once() {
        let seats = Seats::default();
        let mut own = taken(&seats, 1, EACH);
        assert_eq!(seats.take(Uuid::from_u128(1)).err(), Some(Full::Own));
        taken(&seats, 2, 1);
        own.pop();
        assert!(seats.take(Uuid::from_u128(1)).is_ok());
    }

    #[test]
    fn when_the_house_is_full_it_is_full_for_whoever_comes_and_nobody_is_remembered_who_left() {
        let seats = Seats::default();
        let all: Vec<_> = (0..u128::try_from(ALL / EACH).unwrap()).flat_map(|who| taken(&seats, who, EACH)).collect();
        assert_eq!(seats.take(Uuid::from_u128(1000)).err(), Some(Full::House));
        drop(all);
        assert!(seats.lock().is_empty());
    }
}
