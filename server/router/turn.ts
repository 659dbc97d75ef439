/** Has something to do when the turn is over. */
export interface TurnTask {
  turnOver(): void;
}

/** Those before do not wait for what a long turn brings after them. */
const maxWaiting = 64;
const nobody: TurnTask = { turnOver() {} };
/** Those from `next` to `count`. It is not made shorter: it would have to grow again in the next turn. */
const waiting: TurnTask[] = [];
let next = 0;
let count = 0;
let isRunning = false;
let isDue = false;

/**
 * Calls it once when this turn of the event loop is over: the kernel has told all that it had to tell, and nothing is
 * waited for. In a turn that brings very much, before.
 */
export function afterTurn(task: TurnTask): void {
  waiting[count] = task;
  count += 1;
  if (!isDue) {
    isDue = true;
    setImmediate(endTurn);
  }
  if (count >= maxWaiting) run();
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
      task.turnOver();
    }
    next = 0;
    count = 0;
  } finally {
    isRunning = false;
    // One that fails does not take the others with it.
    if (next < count && !isDue) {
      isDue = true;
      setImmediate(endTurn);
    }
  }
}

let time = 0;
const forget: TurnTask = {
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
