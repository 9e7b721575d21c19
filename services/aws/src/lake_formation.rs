//! Permissions, settings, registered locations and tags of Lake Formation.

use aws_config::SdkConfig;
use aws_sdk_lakeformation::Client;
use aws_sdk_lakeformation::types::LfTag;
use lakewarden_catalog::Resource;
use serde_json::{Value, json};

use crate::call::CallError;
use crate::glue::Look;
use crate::listing::{Listing, drain, merge};
use crate::recorder::Recorder;

/// Values in one condition of a tag search, by the API's limit.
const VALUES_A_SEARCH: usize = 50;

#[derive(Debug)]
pub struct LakeFormation {
    client: Client,
    recorder: Recorder,
    account: String,
}

impl LakeFormation {
    pub fn new(config: &SdkConfig, account: &str) -> Self {
        let recorder = Recorder::default();
        let with_recorder = aws_sdk_lakeformation::config::Builder::from(config).interceptor(recorder.clone()).build();
        Self { client: Client::from_conf(with_recorder), recorder, account: account.to_owned() }
    }

    /// One round. Each part stands alone: without tags the permissions are still known.
    pub async fn look(&self) -> Look {
        let mut look = Look::default();
        // Without a resource type everything is listed; by type some regions have answered nothing.
        let mut permissions = self.permissions().await;
        permissions.answer["ResourceKinds"] = json!(Resource::KINDS);
        look.take(permissions);
        look.take(self.locations().await);
        match self.settings().await {
            Ok(settings) => look.documents.push(settings),
            Err(failure) => look.failures.push(failure),
        }
        self.tags(&mut look).await;
        look
    }

    async fn permissions(&self) -> Listing {
        let operation = "lakeformation:ListPermissions";
        let mut pages = self.client.list_permissions().catalog_id(&self.account).into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "PrincipalResourcePermissions", &self.recorder.take(), outcome)
    }

    async fn locations(&self) -> Listing {
        let operation = "lakeformation:ListResources";
        let mut pages = self.client.list_resources().into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "ResourceInfoList", &self.recorder.take(), outcome)
    }

    async fn settings(&self) -> Result<Value, CallError> {
        let operation = "lakeformation:GetDataLakeSettings";
        let answer = self.client.get_data_lake_settings().catalog_id(&self.account).send().await;
        answer.map_err(|error| CallError::of(operation, &error))?;
        let answer = self.recorder.take().pop().and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        answer
            .filter(|answer| answer["DataLakeSettings"].is_object())
            .ok_or_else(|| CallError::Unavailable { operation, reason: "answered without DataLakeSettings".to_owned() })
    }

    /// Everything that carries a tag, by searching for each tag: a hundred tables a call, instead of one.
    async fn tags(&self, look: &mut Look) {
        let operation = "lakeformation:ListLFTags";
        let mut pages = self.client.list_lf_tags().catalog_id(&self.account).into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        let known = merge(operation, "LFTags", &self.recorder.take(), outcome);
        let mut documents = Vec::new();
        let mut complete = known.failure.is_none();
        look.failures.extend(known.failure);
        for tag in searches(&known.answer) {
            for listing in [self.tagged_databases(tag.clone()).await, self.tagged_tables(tag.clone()).await] {
                complete &= listing.failure.is_none();
                look.failures.extend(listing.failure);
                documents.push(listing.answer);
            }
        }
        let declared = if complete { json!(["tags"]) } else { json!([]) };
        look.documents.push(json!({ "documents": documents, "complete": declared }));
    }

    async fn tagged_databases(&self, tag: LfTag) -> Listing {
        let operation = "lakeformation:SearchDatabasesByLFTags";
        let request = self.client.search_databases_by_lf_tags().catalog_id(&self.account).expression(tag);
        let mut pages = request.into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "DatabaseList", &self.recorder.take(), outcome)
    }

    async fn tagged_tables(&self, tag: LfTag) -> Listing {
        let operation = "lakeformation:SearchTablesByLFTags";
        let request = self.client.search_tables_by_lf_tags().catalog_id(&self.account).expression(tag);
        let mut pages = request.into_paginator().send();
        let outcome = drain(operation, async || pages.next().await).await;
        merge(operation, "TableList", &self.recorder.take(), outcome)
    }
}

/// One search for each key, and several where a key has many values.
fn searches(answer: &Value) -> Vec<LfTag> {
    let tags = answer["LFTags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| {
        let key = tag.get("TagKey")?.as_str()?;
        let values: Vec<String> =
            tag.get("TagValues")?.as_array()?.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        let search =
            |values: &[String]| LfTag::builder().tag_key(key).set_tag_values(Some(values.to_vec())).build().ok();
        Some(values.chunks(VALUES_A_SEARCH).filter_map(search).collect::<Vec<_>>())
    })
    .flatten()
    .collect()
}
