import { randomInt } from "node:crypto";

const adjectives =
  "brave bright calm clear cool early fair fresh gentle happy keen kind light lively lucky mild neat proud quick quiet ready sharp smart still sunny swift warm wild wise young".split(
    " ",
  );
const nouns =
  "badger bear birch brook cedar cloud comet crane deer eagle falcon fern field fox heron hill lake lark maple meadow moon otter owl pine reed river robin stone wolf wren".split(
    " ",
  );

/** `calm-otter-4821`: nine million of them. */
export function randomHostname(): string {
  return `${pick(adjectives)}-${pick(nouns)}-${randomInt(10_000).toString().padStart(4, "0")}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "app";
}
