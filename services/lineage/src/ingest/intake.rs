//! The bounded queue between requests and the database: many requests share one transaction, each is answered after it.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lakewarden_db::is_transient;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::commit::commit;
use super::remembered::Remembered;
use crate::Ctx;
use crate::error::LineageError;
use crate::facts::Facts;

/// Events of one transaction at most.
const BATCH_EVENTS: usize = 256;
/// How long the first event of a batch waits for company.
const BATCH_WAIT: Duration = Duration::from_millis(2);
/// Batches committed at the same time: one waits for the disk while the other computes.
const COMMITTERS: usize = 2;
/// Requests waiting to be stored; one more is asked to come back later.
const WAITING_REQUESTS: usize = 1024;
/// KiB of events waiting to be stored, the other bound on memory.
const WAITING_KIB: u32 = 48 * 1024;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    /// It was there already.
    Duplicate,
}

/// Events of one request, waiting.
struct Waiting {
    producer: Arc<str>,
    events: Vec<Facts>,
    answer: oneshot::Sender<Vec<Result<Outcome, LineageError>>>,
    _memory: OwnedSemaphorePermit,
}

/// One event of a batch with who sent it.
pub(super) struct Incoming {
    pub producer: Arc<str>,
    pub facts: Facts,
}

/// The way in; clones share one queue. Its committers start with the first event and end with the last clone.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    queue: OnceLock<mpsc::Sender<Waiting>>,
    memory: Arc<Semaphore>,
    remembered: Arc<Remembered>,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("started", &self.shared.queue.get().is_some()).finish_non_exhaustive()
    }
}

impl Default for Intake {
    fn default() -> Self {
        let shared = Shared {
            queue: OnceLock::new(),
            memory: Arc::new(Semaphore::new(WAITING_KIB as usize)),
            remembered: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Intake {
    /// Stores events and waits until they are committed; each has its own outcome.
    pub async fn store(&self, ctx: &Ctx, producer: &str, events: Vec<Facts>) -> Vec<Result<Outcome, LineageError>> {
        if events.is_empty() {
            return Vec::new();
        }
        let count = events.len();
        let refuse = || (0..count).map(|_| Err(LineageError::Overloaded)).collect();
        let bytes: usize = events.iter().map(|event| event.raw_bytes + event.raw.len()).sum();
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(WAITING_KIB);
        let Ok(memory) = Arc::clone(&self.shared.memory).try_acquire_many_owned(kib) else { return refuse() };
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { producer: producer.into(), events, answer, _memory: memory };
        if self.queue(ctx).try_send(waiting).is_err() {
            return refuse();
        }
        answered.await.unwrap_or_else(|_| refuse())
    }

    /// Forgets what is known of the database: after rows were changed behind the committers' back.
    pub fn forget(&self) {
        self.shared.remembered.forget();
    }

    fn queue(&self, ctx: &Ctx) -> &mpsc::Sender<Waiting> {
        self.shared.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(WAITING_REQUESTS);
            let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
            for _ in 0..COMMITTERS {
                // Without the intake: the queue must close when the last handle to it is gone.
                let committer = Committer {
                    ctx: ctx.without_intake(),
                    remembered: Arc::clone(&self.shared.remembered),
                    receiver: Arc::clone(&receiver),
                };
                tokio::spawn(committer.run());
            }
            sender
        })
    }
}

struct Committer {
    ctx: Ctx,
    remembered: Arc<Remembered>,
    receiver: Arc<tokio::sync::Mutex<mpsc::Receiver<Waiting>>>,
}

impl Committer {
    async fn run(self) {
        while let Some(requests) = self.take_batch().await {
            self.settle(requests).await;
        }
    }

    /// Waits for one request, then for more until the batch is full or the time is up.
    async fn take_batch(&self) -> Option<Vec<Waiting>> {
        let mut receiver = self.receiver.lock().await;
        let first = receiver.recv().await?;
        let mut count = first.events.len();
        let mut batch = vec![first];
        let deadline = tokio::time::sleep(BATCH_WAIT);
        tokio::pin!(deadline);
        while count < BATCH_EVENTS {
            tokio::select! {
                biased;
                next = receiver.recv() => {
                    let Some(next) = next else { break };
                    count += next.events.len();
                    batch.push(next);
                }
                () = &mut deadline => break,
            }
        }
        Some(batch)
    }

    async fn settle(&self, requests: Vec<Waiting>) {
        let mut incoming = Vec::new();
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push((request.events.len(), request.answer));
            let producer = request.producer;
            incoming
                .extend(request.events.into_iter().map(|facts| Incoming { producer: Arc::clone(&producer), facts }));
        }
        let mut outcomes = self.store_all(&incoming).await.into_iter();
        for (count, answer) in answers {
            // A client that hung up is not told; its events are stored all the same.
            let _ = answer.send(outcomes.by_ref().take(count).collect());
        }
    }

    /// Stores the batch; where it fails and not for Postgres' sake, finds the events at fault by halving.
    async fn store_all(&self, incoming: &[Incoming]) -> Vec<Result<Outcome, LineageError>> {
        let mut outcomes: Vec<Result<Outcome, LineageError>> = Vec::with_capacity(incoming.len());
        let mut parts = vec![incoming];
        let mut retried = false;
        while let Some(part) = parts.pop() {
            match commit(&self.ctx, &self.remembered, part).await {
                Ok(stored) => outcomes.extend(stored.into_iter().map(Ok)),
                Err(error) if is_transient(&error) && !retried => {
                    // A connection that died while idle, or a deadlock with another process: once more at once.
                    retried = true;
                    tracing::warn!(%error, "a batch of lineage events failed and is tried once more");
                    parts.push(part);
                }
                Err(error) if !is_transient(&error) && part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push(second);
                    parts.push(first);
                }
                Err(error) => {
                    let transient = is_transient(&error);
                    tracing::warn!(%error, events = part.len(), transient, "lineage events could not be stored");
                    let reason = error.to_string();
                    outcomes.extend(
                        part.iter().map(|_| Err(LineageError::NotStored { reason: reason.clone(), transient })),
                    );
                }
            }
        }
        outcomes
    }
}
