// Which states to visit, and how many at a time.

import { availableParallelism } from 'node:os';

import { STATES } from './states.mjs';

const MOST_AT_A_TIME = 4;

// Those whose name contains one of `names`; without names, all.
export function chosen(names) {
  return STATES.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
}

export async function inParallel(states, visit) {
  const queue = [...states];
  const worker = async () => {
    for (let state = queue.shift(); state; state = queue.shift()) await visit(state);
  };
  await Promise.all(Array.from({ length: Math.min(MOST_AT_A_TIME, availableParallelism()) }, worker));
}
