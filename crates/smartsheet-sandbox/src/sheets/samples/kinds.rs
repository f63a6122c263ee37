//! A sheet with a column of every type that there is.

use serde_json::{Number, Value, json};

use super::maker::Maker;
use crate::sheets::data::{
    Cell,
    ColumnType::{
        AbstractDateTime, Checkbox, ContactList, Date, DateTime, Duration, MultiContactList,
        MultiPicklist, Picklist, Predecessor, TextNumber,
    },
    Fill, SystemColumn,
};

const SIZES: &[&str] = &["Small", "Medium", "Large"];
const COLOURS: &[&str] = &["Red", "Green", "Blue"];
/// Where the columns are that the formula reads, and the one with links.
const PRICE: usize = 1;
const COUNT: usize = 2;
const LINK: usize = 4;

pub(super) fn every_type(maker: &mut Maker) {
    let (owner, second) = (maker.owner().email, maker.person(1).email);
    maker.column("Name", TextNumber);
    maker.column("Price", TextNumber).is_money = true;
    maker.column("Count", TextNumber);
    let computed = maker.column("Total", TextNumber);
    computed.fill = Fill::Formula("=Price@row * Count@row", total);
    computed.is_money = true;
    maker.column("Link", TextNumber);
    maker.column("Due", Date);
    maker.column("Begins", AbstractDateTime);
    maker.column("Measured", DateTime);
    maker.column("Contact", ContactList);
    maker.column("Contacts", MultiContactList);
    maker.column("Done", Checkbox);
    maker.column("Size", Picklist).options = SIZES;
    maker.column("Colours", MultiPicklist).options = COLOURS;
    maker.column("Takes", Duration);
    maker.column("After", Predecessor);
    maker.column("Budget code", TextNumber).locked = true;
    maker.column("Internal", TextNumber).hidden = true;
    for (title, kind, system) in [
        ("Number", TextNumber, SystemColumn::AutoNumber),
        ("Created by", ContactList, SystemColumn::CreatedBy),
        ("Created", DateTime, SystemColumn::CreatedDate),
        ("Modified by", ContactList, SystemColumn::ModifiedBy),
        ("Modified", DateTime, SystemColumn::ModifiedDate),
    ] {
        maker.column(title, kind).fill = Fill::System(system);
    }

    let full = [
        json!("Everything filled in"),
        json!(1_234.5),
        json!(3),
        Value::Null,
        json!("Smartsheet's API"),
        json!("2026-12-31"),
        json!("2026-03-02T08:00:00"),
        json!("2026-03-02T08:15:30Z"),
        json!(second),
        json!(format!("{owner}, {second}")),
        json!(true),
        json!("Medium"),
        json!("Red, Blue"),
        json!("2d 4h"),
        json!("2FS +1d"),
        json!("B-17"),
        json!("not shown"),
    ];
    let row = maker.row(full);
    row.cells[LINK].url = Some("https://developers.smartsheet.com/".into());
    maker.then(1, 30, COUNT, json!(4));
    maker.row([json!("Nothing but a name")]);
    // As they are written with `strict` off.
    maker.row([
        json!("Values of other types than their columns"),
        json!("free"),
        json!(false),
        Value::Null,
        json!(17),
        json!("next week"),
        json!(8),
        json!("yesterday"),
        json!("Somebody"),
        json!("Nobody, Somebody"),
        json!("perhaps"),
        json!("Enormous"),
        json!("Mauve"),
        json!("a while"),
        json!("the first"),
    ]);
    maker
        .row([json!("A locked row"), json!(-0.5), json!(2)])
        .locked = true;
}

fn total(cells: &[Cell]) -> Option<Value> {
    let number = |place: usize| cells.get(place)?.value.as_ref()?.as_f64();
    Number::from_f64(number(PRICE)? * number(COUNT)?).map(Value::Number)
}
