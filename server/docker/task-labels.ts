/** Labels of tasks beyond those that all containers share. */
export const taskLabels = {
  /** Id of the row in the history. */
  id: "paas.task-id",
  /** `interactive`, `detached` or `release`. The output of an interactive one is its user's alone. */
  mode: "paas.task-mode",
} as const;
