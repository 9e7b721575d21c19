//! What happens to a message between the finding's commit and the receiver's answer.

use chrono::TimeDelta;
use lakewarden_alerts::{Event, Notice, jobs};
use lakewarden_core::Severity;

use crate::listener::{Listener, Service, opened};

const SECOND: TimeDelta = TimeDelta::seconds(1);

#[tokio::test]
async fn a_burst_of_one_policy_and_tenant_is_one_message() {
    let (listener, url) = Listener::start(&[]).await;
    let service = Service::telling("slack", &url).await;
    let burst: Vec<Notice> = (0..120).map(|n| opened(n, "access-cross-tenant-read")).collect();
    service.tell(&burst[..100]).await;
    service.tell(&burst[100..]).await;
    service.pass(4, SECOND).await;
    assert_eq!(listener.count(), 0, "the group still waits for more");
    service.pass(6, SECOND).await;
    let bodies = listener.bodies();
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0]["text"].as_str().unwrap().contains("120 findings"), "{}", bodies[0]["text"]);
    assert_eq!(service.number("select count(*) from jobs").await, 0, "nothing is left to do");
}

#[tokio::test]
async fn a_receiver_is_sent_at_most_one_message_a_second() {
    let (listener, url) = Listener::start(&[]).await;
    let service = Service::telling("slack", &url).await;
    let notices: Vec<Notice> = (0..10).map(|n| opened(n, &format!("policy-{n}"))).collect();
    service.tell(&notices).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    assert_eq!(listener.count(), 1);
    service.pass(4, SECOND).await;
    assert_eq!(listener.count(), 5);
    service.pass(10, SECOND).await;
    assert_eq!(listener.count(), 10);
}

#[tokio::test]
async fn a_burst_over_everything_is_told_by_its_worst_and_a_summary() {
    let (listener, url) = Listener::start(&[]).await;
    let service = Service::telling("webhook", &url).await;
    let mild = |n: i64| Notice { severity: Severity::Low, ..opened(n, &format!("policy-{n}")) };
    let notices: Vec<Notice> = (0..60).map(mild).chain((60..70).map(|n| opened(n, &format!("policy-{n}")))).collect();
    service.tell(&notices).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    service.pass(60, SECOND).await;
    let said: Vec<i64> = listener.bodies().iter().map(|body| body["data"]["total"].as_i64().unwrap()).collect();
    assert_eq!(said, [vec![60], vec![1; 10]].concat());
    let severities = listener.bodies()[1..].iter().all(|body| body["data"]["findings"][0]["severity"] == "high");
    assert!(severities, "the worst are told one by one");
}

#[tokio::test]
async fn failures_are_tried_again_and_retry_after_is_honoured() {
    let (listener, url) = Listener::start(&[(500, None), (429, Some(300)), (200, None)]).await;
    let service = Service::telling("slack", &url).await;
    service.tell(&[opened(1, "p")]).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    assert_eq!(listener.count(), 1);
    service.pass(1, TimeDelta::seconds(7)).await;
    assert_eq!(listener.count(), 2, "after a backoff of about five seconds");
    service.pass(1, TimeDelta::seconds(299)).await;
    assert_eq!(listener.count(), 2, "not before the receiver said");
    service.pass(1, TimeDelta::seconds(2)).await;
    assert_eq!(listener.count(), 3);
    let attempts = service.texts("select concat(attempt, ' ', status) from delivery_attempts order by attempt").await;
    assert_eq!(attempts, ["1 500", "2 429", "3 200"]);
    assert_eq!(service.texts("select state from deliveries").await, ["sent"]);
    assert_eq!(service.number("select count(*) from jobs").await, 0);
}

#[tokio::test]
async fn a_receiver_down_for_an_hour_loses_nothing_and_is_not_flooded_after() {
    let (listener, url) = Listener::start(&[]).await;
    listener.answer_from_now_on(503);
    let service = Service::telling("webhook", &url).await;
    let mut told = 0;
    for minute in 0..60 {
        let notices: Vec<Notice> = (0..5).map(|n| opened(minute * 5 + n, &format!("policy-{n}"))).collect();
        told += notices.len() as i64;
        service.tell(&notices).await;
        service.pass(1, TimeDelta::minutes(1)).await;
    }
    let tries = listener.count();
    assert!(tries < 25, "{tries} tries in an hour: backoff holds for the receiver, not for each message");

    listener.answer_from_now_on(200);
    service.pass(100, TimeDelta::minutes(1)).await;
    let bodies = listener.bodies();
    assert!(bodies.len() - tries <= 3, "{} messages for {told} findings", bodies.len() - tries);
    let said: i64 = bodies[tries..].iter().map(|body| body["data"]["total"].as_i64().unwrap()).sum();
    assert_eq!(said, told);
    let unsent =
        "select count(*) from delivery_notices n join deliveries d on d.id = n.delivery_id where d.state <> 'sent'";
    assert_eq!(service.number(unsent).await, 0);
}

#[tokio::test]
async fn what_was_resolved_meanwhile_is_said_to_be() {
    let (listener, url) = Listener::start(&[(500, None)]).await;
    let service = Service::telling("slack", &url).await;
    service.tell(&[opened(1, "p")]).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    let over = Notice { event: Event::Resolved, note: Some("grant removed".into()), ..opened(1, "p") };
    service.tell(&[over]).await;
    service.pass(1, TimeDelta::seconds(20)).await;
    let bodies = listener.raw();
    assert_eq!(bodies.len(), 2);
    assert!(
        bodies[1].contains("resolved before this could be sent") && bodies[1].contains("grant removed"),
        "{}",
        bodies[1]
    );
}

#[tokio::test]
async fn a_notice_that_comes_while_its_group_is_being_sent_goes_with_the_retry() {
    let (listener, url) = Listener::start(&[(500, None)]).await;
    let service = Service::telling("webhook", &url).await;
    service.tell(&[opened(1, "p")]).await;
    // As if the worker were between claim and answer: the next notice opens a message of its own.
    let claim = "update deliveries set state = 'sending', attempts = 1, lease_until = created_at";
    sqlx::query(claim).execute(service.db.system()).await.unwrap();
    service.tell(&[opened(2, "p")]).await;
    assert_eq!(service.number("select count(*) from deliveries").await, 2);
    service.pass(1, TimeDelta::seconds(5)).await;
    service.pass(1, TimeDelta::seconds(20)).await;
    let totals: Vec<i64> = listener.bodies().iter().map(|body| body["data"]["total"].as_i64().unwrap()).collect();
    assert_eq!(totals, [1, 2], "the failed message and the one that waited go out together");
    assert_eq!(service.texts("select state from deliveries order by id").await, ["sent", "merged"]);
}

#[tokio::test]
async fn a_killed_worker_costs_at_most_one_repetition() {
    let (listener, url) = Listener::start(&[]).await;
    let service = Service::telling("webhook", &url).await;
    service.tell(&[opened(1, "p")]).await;
    service.clock.advance(TimeDelta::seconds(5));
    // The worker took job and delivery, posted, and died before it could write down the answer.
    let killed = jobs(service.ctx.clone());
    let mut run = Box::pin(killed.run_until_idle(&service.db, &service.clock));
    while listener.count() == 0 {
        assert!(futures_poll(&mut run).await.is_none(), "the worker finished before it could be killed");
    }
    drop(run);
    drop(killed);
    service.pass(1, TimeDelta::seconds(60)).await;
    assert_eq!(listener.count(), 1, "its lease still stands");
    service.pass(3, TimeDelta::seconds(70)).await;
    assert_eq!(listener.count(), 2);
    let ids: Vec<_> = listener.headers().iter().map(|headers| headers["webhook-id"].clone()).collect();
    assert_eq!(ids[0], ids[1], "the receiver can tell that it is the same message");
    let open = "select count(*) from delivery_attempts where finished_at is null";
    assert_eq!(service.number(open).await, 1, "the interrupted try stays on record");
    assert_eq!(service.texts("select state from deliveries").await, ["sent"]);
}

/// Lets the future go one step, and everything else as well.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let polled =
        std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await;
    tokio::task::yield_now().await;
    match polled {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn what_the_receiver_will_never_take_is_dead_and_shown_and_does_not_stop_the_rest() {
    let (listener, url) = Listener::start(&[(404, None)]).await;
    let service = Service::telling("slack", &url).await;
    service.tell(&[opened(1, "p"), opened(2, "q")]).await;
    service.pass(10, SECOND).await;
    assert_eq!(listener.count(), 2);
    assert_eq!(service.texts("select state from deliveries order by id").await, ["dead", "sent"]);
    assert_eq!(
        service.texts("select last_answer from deliveries where state = 'dead'").await,
        ["answered at [secret]"]
    );
}

#[tokio::test]
async fn a_webhook_is_signed_and_carries_everything() {
    let (listener, url) = Listener::start(&[]).await;
    let service = Service::telling("webhook", &url).await;
    service.tell(&[opened(1, "p")]).await;
    service.pass(1, TimeDelta::seconds(5)).await;
    let (headers, body) = (&listener.headers()[0], &listener.bodies()[0]);
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    assert_eq!(
        headers["webhook-timestamp"],
        (lakewarden_testkit::noon() + TimeDelta::seconds(5)).timestamp().to_string()
    );
    let finding = &body["data"]["findings"][0];
    assert_eq!((&finding["event"], &finding["severity"]), (&"opened".into(), &"high".into()));
    assert_eq!(finding["url"], "https://lakewarden.example/findings/1");
}

#[tokio::test]
async fn a_receiver_without_its_variable_waits_and_says_what_is_missing() {
    let text =
        "[[receiver]]\nname = \"lake\"\nkind = \"slack\"\nurl_env = \"NOT_SET\"\n[[route]]\nreceivers = [\"lake\"]\n";
    let service = Service::with_policy(text).await;
    service.tell(&[opened(1, "p")]).await;
    service.pass(1, TimeDelta::seconds(10)).await;
    assert_eq!(service.texts("select state from deliveries").await, ["waiting"]);
    let answer = &service.texts("select last_answer from deliveries").await[0];
    assert_eq!(answer, "the environment variable NOT_SET is not set");
}

#[tokio::test]
async fn a_silence_writes_down_what_it_held_back() {
    let text = "[[receiver]]\nname = \"lake\"\nkind = \"slack\"\nurl_env = \"X\"\n[[route]]\nreceivers = [\"lake\"]\n\
                [[silence]]\npolicy = \"p\"\nuntil = 2026-11-23T00:00:00Z\nreason = \"moving house\"\n";
    let service = Service::with_policy(text).await;
    service.tell(&[opened(1, "p")]).await;
    assert_eq!(service.texts("select state from deliveries").await, ["silenced"]);
    assert_eq!(service.number("select count(*) from jobs").await, 0);
}
