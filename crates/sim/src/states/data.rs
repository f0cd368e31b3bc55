//! What a state does to data on its way in and out, and the errors that this can end in.

use serde_json::{Value, json};

use super::definition::{ResultPath, Selection, State};
use super::engine::{Engine, Failure};
use super::template::Template;

/// The largest input or output of a state, in bytes of JSON.
pub(super) const PAYLOAD_LIMIT: usize = 262_144;

impl Engine<'_, '_> {
    /// The input of the state in which the execution stands, after `InputPath`.
    pub(super) fn effective_input(&self, state: &State) -> Result<Value, Failure> {
        let input = self.execution.position.as_ref().map(|position| &position.input);
        self.select(&state.input_path, input.unwrap_or(&Value::Null), "InputPath")
    }

    /// What `InputPath` or `OutputPath` selects.
    pub(super) fn select(&self, selection: &Selection, value: &Value, field: &str) -> Result<Value, Failure> {
        match selection {
            Selection::Nothing => Ok(json!({})),
            Selection::At(path) => path.get(value, &self.execution.context()).cloned().ok_or_else(|| {
                self.runtime(&format!("Invalid path '{}' : {field} matches nothing", path.text()))
            }),
        }
    }

    /// `Parameters` or `ResultSelector` filled in.
    pub(super) fn render(&self, template: &Template, input: &Value) -> Result<Value, Failure> {
        template.render(input, &self.execution.context()).map_err(|missing| {
            let mut failure = self.runtime(&format!(
                "The JSONPath '{}' specified for the field '{}' could not be found in the input '{input}'",
                missing.path, missing.field
            ));
            if self.parameter_path_failure {
                failure.error = "States.ParameterPathFailure".to_owned();
            }
            failure
        })
    }

    /// A result put into the state's raw input.
    pub(super) fn place(&self, result_path: &ResultPath, result: Value) -> Result<Value, Failure> {
        let input = self.execution.position.as_ref().map(|position| position.input.clone());
        let input = input.unwrap_or_default();
        match result_path {
            ResultPath::Discard => Ok(input),
            ResultPath::At(path) => path.put(input, result).ok_or_else(|| {
                let cause = format!("Unable to apply ReferencePath '{}' to the state's input", path.text());
                Failure::new("States.ResultPathMatchFailure", cause)
            }),
        }
    }

    /// Refuses what is too big to pass on.
    pub(super) fn limit(&self, what: &str, value: &Value) -> Result<(), Failure> {
        if value.to_string().len() <= PAYLOAD_LIMIT {
            return Ok(());
        }
        let name = self.state_name().unwrap_or_default();
        let cause = format!(
            "The state/task '{name}' has an {what} with a size exceeding the maximum number of bytes service limit."
        );
        Err(Failure::new("States.DataLimitExceeded", cause))
    }

    /// The error that ends the execution: the definition and the data do not fit.
    pub(super) fn runtime(&self, problem: &str) -> Failure {
        let position = self.execution.position.as_ref();
        let (name, event) = position.map_or(("", 0), |position| (&position.state, position.entered_event));
        Failure::new(
            "States.Runtime",
            format!(
                "An error occurred while executing the state '{name}' (entered at the event id #{event}). {problem}"
            ),
        )
    }
}
