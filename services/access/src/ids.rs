//! Numbers of the slice's rows, kept apart by type.

use lakewarden_core::typed_id;

typed_id!(
    /// Row of `access_principals`.
    PrincipalId(i32)
);
typed_id!(
    /// Row of `access_resources`.
    ResourceId(i32)
);
typed_id!(
    /// Row of `access_classes`.
    ClassId(i32)
);
typed_id!(
    /// Row of `trail_files`.
    FileId(i32)
);
