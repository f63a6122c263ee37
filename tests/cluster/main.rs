//! A login is never lost: one machine or many, whatever happens to them. Tested from outside, with processes of the real
//! program on SQLite and on a PostgreSQL that the tests start themselves.

#![allow(
    clippy::disallowed_methods,
    reason = "processes have the system's clock"
)]

mod support;

mod bad_disk;
mod bad_rows;
mod chaos;
mod crash;
mod database;
mod database_tls;
mod failover;
mod failures;
mod flow;
mod flow_bounds;
mod full_database;
mod full_disk;
mod gateway;
mod gone_holder;
mod growth;
mod impatience;
mod lost_update;
mod one_refresh;
mod pooler;
mod promises;
mod proxy;
mod rolling_restart;
mod rotation;
mod sheets;
