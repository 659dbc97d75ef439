/** Has something to do when the turn is over. */
export interface TurnTask {
  /** It was given to {@link afterTurn}, which sets this and takes it back. */
  isQueued: boolean;
  turnOver(): void;
}

/** Those before do not wait for what a long turn brings after them. */
const maxWaiting = 64;
const nobody: TurnTask = { isQueued: true, turnOver() {} };
/** Those from `next` to `count`. It is not made shorter: it would have to grow again in the next turn. */
const waiting: TurnTask[] = [];
let next = 0;
let count = 0;
let isRunning = false;
let isDue = false;

/**
 * Calls it once, however often it was given, when this turn of the event loop is over: the kernel has told all that it had
 * to tell, and nothing is waited for. In a turn that brings very much, before.
 */
export function afterTurn(task: TurnTask): void {
  if (task.isQueued) return;
  task.isQueued = true;
  waiting[count] = task;
  count += 1;
  awaitEnd();
  if (count >= maxWaiting) run();
}

function awaitEnd(): void {
  if (isDue) return;
  isDue = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  isDue = false;
  run();
}

function run(): void {
  if (isRunning) return;
  isRunning = true;
  try {
    while (next < count) {
      const task = waiting[next] as TurnTask;
      waiting[next] = nobody;
      next += 1;
      task.isQueued = false;
      task.turnOver();
    }
    next = 0;
    count = 0;
  } finally {
    isRunning = false;
    // One that fails does not take the others with it.
    if (next < count) awaitEnd();
  }
}

let time = 0;
const forget: TurnTask = {
  isQueued: false,
  turnOver() {
    time = 0;
  },
};

/**
 * `performance.now()` of this turn of the event loop, read once for all that it brings: where a turn serves many requests
 * the clock would be read twice for each of them.
 */
export function turnTime(): number {
  if (time === 0) {
    time = performance.now();
    afterTurn(forget);
  }
  return time;
}
