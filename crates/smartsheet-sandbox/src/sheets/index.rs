//! Lists, in the form that all of the API's have.

use serde::Serialize;

use crate::{api_error::ApiError, params::Params};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexResult<T> {
    page_number: usize,
    page_size: usize,
    total_pages: usize,
    total_count: usize,
    data: Vec<T>,
}

/// A part of a list; pages beyond the end are empty.
#[derive(Clone, Copy)]
pub(super) struct Page {
    /// From 1.
    number: usize,
    size: usize,
}

impl Page {
    /// `page` and `pageSize`, or as many entries as `size`.
    pub(super) fn read(params: &Params, size: usize) -> Result<Self, ApiError> {
        Ok(Self {
            number: params.count("page")?.unwrap_or(1),
            size: params.count("pageSize")?.unwrap_or(size),
        })
    }

    /// The same for a list, where `includeAll=true` puts everything on one page.
    pub(super) fn of_list(params: &Params, total: usize) -> Result<Self, ApiError> {
        if params.flag("includeAll")? {
            let size = total.max(1);
            return Ok(Self { number: 1, size });
        }
        Self::read(params, 100)
    }

    pub(super) fn of<T>(self, list: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let before = (self.number - 1).saturating_mul(self.size);
        list.skip(before).take(self.size)
    }

    /// The page of this list.
    pub(super) fn list<T>(self, list: Vec<T>) -> IndexResult<T> {
        let total_count = list.len();
        IndexResult {
            page_number: self.number,
            page_size: self.size,
            total_pages: total_count.div_ceil(self.size),
            total_count,
            data: self.of(list.into_iter()).collect(),
        }
    }
}
