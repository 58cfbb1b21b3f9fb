//! Every method that reads one resource or lists many: what it gives, what it refuses, its pages.

mod claims;
mod finance;
mod imports;
mod matches;
mod owed;
mod pcn_year;
mod summaries;
mod supervision;
mod workforce;

use std::fmt::Debug;

use kit::client::Channel;
use kit::error::ErrorReason;
use prost::Message;
use tonic::{Code, Response, Status};

use crate::demo_set::{call, invalid, refused};

/// Who keeps the PCN of the set.
const MANAGER: &str = "pcn-manager@pcn:U09081";

/// A list as a caller pages through it.
struct Paged<'a, Q, A> {
    channel: &'a Channel,
    path: &'static str,
    /// The request for a page of this size after this token.
    request: fn(i32, String) -> Q,
    /// A request for something else with this token.
    other: fn(String) -> Q,
    /// What is in a page, as text, and the token of the next.
    page: fn(A) -> (Vec<String>, String),
}

impl<Q, A> Paged<'_, Q, A>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Debug + Send + Sync + 'static,
{
    async fn ask(&self, channel: &Channel, request: Q) -> Result<Response<A>, Status> {
        call(channel, self.path, request).await
    }

    /// All rows in pages of a size.
    async fn walk(&self, size: i32) -> Vec<String> {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let request = (self.request)(size, token);
            let answer = self.ask(self.channel, request).await.unwrap().into_inner();
            let (page, next) = (self.page)(answer);
            let most = if size == 0 { 50 } else { usize::try_from(size).unwrap().min(1_000) };
            assert!(page.len() <= most, "{} rows of {size}", page.len());
            assert!(next.is_empty() || page.len() == most, "a page in between is full");
            rows.extend(page);
            token = next;
            if token.is_empty() {
                return rows;
            }
        }
    }

    /// Pages of every size give the same rows, and a token only fits the request that made it.
    /// Answers the rows. `theirs` is another caller who may list.
    async fn check(&self, theirs: &Channel) -> Vec<String> {
        let rows = self.walk(1).await;
        assert!(rows.len() > 2, "{}: {rows:?}", self.path);
        let mut unique = rows.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), rows.len(), "{}: a row comes once", self.path);
        for size in [0, 2, 1_000, 1_001, i32::MAX] {
            assert_eq!(self.walk(size).await, rows, "{} in pages of {size}", self.path);
        }
        for size in [-1, i32::MIN] {
            let answer = self.ask(self.channel, (self.request)(size, String::new())).await;
            invalid(answer, &["page_size"]);
        }

        let first = self.ask(self.channel, (self.request)(1, String::new())).await.unwrap();
        let (_, token) = (self.page)(first.into_inner());
        let mut changed = token.clone().into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        for (channel, request) in [
            (self.channel, (self.request)(1, "nonsense".to_owned())),
            (self.channel, (self.request)(1, String::from_utf8(changed).unwrap())),
            (self.channel, (self.request)(1, token[..token.len() - 1].to_owned())),
            (self.channel, (self.other)(token.clone())),
            (theirs, (self.request)(1, token.clone())),
        ] {
            let answer = self.ask(channel, request).await;
            refused(answer, Code::InvalidArgument, ErrorReason::PageTokenInvalid);
        }
        rows
    }
}
