import { bytes } from './bytes.ts'
import type { Benchmark } from './context.ts'
import { debian } from './debian.ts'
import { files } from './files.ts'
import { latency } from './latency.ts'
import { livecopy } from './livecopy.ts'
import { million } from './million.ts'
import { paging } from './paging.ts'
import { parallel } from './parallel.ts'
import { requests } from './requests.ts'
import { small } from './small.ts'
import { start } from './start.ts'
import { transfer } from './transfer.ts'
import { writing } from './writing.ts'

const WITH_GOALS: Readonly<Record<string, Benchmark>> = {
  livecopy,
  files,
  small,
  debian,
  latency,
  million,
  requests,
  transfer,
  parallel,
  bytes,
}

/** Those that goals are about, and the growth of what they are about. */
export const OF_GOALS: readonly string[] = Object.keys(WITH_GOALS)

export const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  ...WITH_GOALS,
  start,
  paging,
  writing,
}
