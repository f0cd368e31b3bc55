//! The text of a parameter in Systems Manager. What it means is not known here.

use crate::cloud::{CallError, Cloud};

/// Reads a parameter. One that is absent is an error like any other: without a configuration nothing may be decided.
pub async fn read(cloud: &Cloud, name: &str) -> Result<String, CallError> {
    let call = cloud.ssm.get_parameter().name(name).with_decryption(true);
    let found = call.send().await.map_err(|error| {
        let error = CallError::new("GetParameter", error);
        if !error.is("ParameterNotFound") {
            return error;
        }
        let message = format!(
            "there is no SSM parameter {name:?}; put the maintenance configuration there, in JSON by \
             maintenance-config.schema.json"
        );
        CallError { message, ..error }
    })?;
    let text = found.parameter().and_then(|parameter| parameter.value());
    text.map(str::to_owned)
        .ok_or_else(|| CallError::nonsense("GetParameter", format!("{name:?} was answered without a value")))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::fake;

    #[tokio::test]
    async fn a_parameter_is_there_or_an_error_says_what_to_put_there() {
        let (cloud, wire) = fake::cloud();
        let name = "/manager/maintenance-config";
        wire.answer(200, r#"{"Parameter":{"Name":"x","Value":"{ }"}}"#);
        assert_eq!(read(&cloud, name).await.as_deref(), Ok("{ }"));
        assert_eq!(wire.sent(), [r#"{"Name":"/manager/maintenance-config","WithDecryption":true}"#]);
        wire.answer(400, r#"{"__type":"ParameterNotFound"}"#);
        let error = read(&cloud, name).await.expect_err("absent");
        assert!(error.is("ParameterNotFound") && !error.is_passing());
        for word in [name, "put the maintenance configuration there", "maintenance-config.schema.json"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        wire.answer(400, r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#);
        let error = read(&cloud, name).await.expect_err("denied");
        assert_eq!(error.to_string(), "GetParameter failed: AccessDeniedException: not authorized");
        wire.answer(200, r#"{"Parameter":{"Name":"x"}}"#);
        assert!(read(&cloud, name).await.expect_err("no value").to_string().contains(name));
    }
}
