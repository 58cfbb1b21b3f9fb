//! A part of a projection is no ground for an answer.

use super::*;
use crate::error::ErrorReason;

/// Whether what was followed is whole by now, or why not.
async fn whole(follower: &Follower) -> Result<(), ErrorReason> {
    let told = follower.progress().whole(tokio::time::Instant::now()).await;
    told.map_err(|error| error.reason())
}

/// A new process on the database of the consumer that does not follow yet.
async fn opened(pair: &Pair) -> Follower {
    let notes = Arc::clone(&pair.notes);
    Follower::new(PRODUCER, pair.consumer.clone(), notes).await.unwrap()
}

/// Of nothing nothing is missing; of the first facts of a producer that has more there is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_followed_for_the_first_time_is_whole_when_it_is_where_the_producer_was() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[("organisations/1", "a"), ("organisations/2", "b")]).await;

    assert_eq!(whole(&opened(&pair).await).await, Ok(()));
    let write = pair.consumer.write().await.unwrap();
    super::super::cursor::begun(&*write, PRODUCER, newest).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(whole(&opened(&pair).await).await, Err(ErrorReason::ProjectionBehind));
    let follower = pair.follow().await;
    reached(&follower, newest).await;

    assert_eq!(whole(&follower).await, Ok(()));
    pair.tell(&[("organisations/1", "c")]).await;
    assert_eq!(whole(&follower).await, Ok(()), "behind is not in parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_without_facts_is_followed_whole() {
    let mut pair = Pair::new().await;
    let follower = pair.follow().await;

    let deadline = tokio::time::Instant::now() + PATIENCE;
    follower.progress().whole(deadline).await.unwrap();
}

/// Whoever begins to follow while a projection is rebuilt, or goes on with it, knows that it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_rebuilt_is_not_whole_until_it_is_where_it_was() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[("organisations/1", "a"), ("organisations/2", POISON)]).await;
    let follower = pair.follow().await;
    reached(&follower, newest).await;
    pair.kill().await;

    replay(&follower, "").await;

    assert_eq!(whole(&follower).await, Err(ErrorReason::ProjectionBehind));
    assert_eq!(whole(&opened(&pair).await).await, Err(ErrorReason::ProjectionBehind));
    let follower = pair.follow().await;
    reached(&follower, newest).await;
    assert_eq!(whole(&follower).await, Ok(()));
    assert_eq!(whole(&opened(&pair).await).await, Ok(()));
}
