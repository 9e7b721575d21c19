//! The words every slice shares: ids, tenants' layers and planes, money, time. No I/O.

mod clock;
mod cursor;
mod hash;
mod ids;
mod live;
mod money;
mod vocabulary;
mod window;

pub use clock::Clock;
pub use cursor::{Cursor, CursorError};
pub use hash::Sha256;
pub use ids::*;
pub use live::{Live, LoadError, Loaded};
pub use money::{Currency, Money, MoneyError};
pub use vocabulary::{Layer, Plane, Severity, UnknownWord};
pub use window::TimeWindow;
