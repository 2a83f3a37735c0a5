import { GlanceError, isGlanceError } from '../../errors.ts'
import { type Finding, verifyImages } from '../../replicate/verify.ts'
import type { Command } from '../command.ts'
import { type ErrorRow, errorRow } from '../differences.ts'
import { dumpOrServer } from '../dumps.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { countOf, formatBytes, labelOf, printable } from '../format.ts'
import { type ApiOptions, AT_ONCE, ENDPOINT, type EndpointOptions, SOURCE_API } from '../options.ts'

export interface VerifyOptions extends EndpointOptions, ApiOptions {
  readonly concurrency: number
  readonly images: string
  readonly sample: string
}

/** One image. */
export interface VerifyRow extends Omit<Finding, 'error'> {
  readonly error: ErrorRow | null
}

export interface VerifySummary {
  readonly totals: Readonly<Record<Finding['result'], number>> & {
    /** Those that were read and are whole. */
    readonly bytes: number
  }
  /** What ended it before its end. */
  readonly error: ErrorRow | null
}

export const verify: Command<VerifyOptions, VerifyRow, VerifySummary> = {
  name: 'verify',
  summary: 'Read images again and check them against their digests',
  positionals: {
    images: {
      type: 'string',
      describe: 'A dump, by its path, or a server: an address or cloud:NAME',
    },
  },
  options: {
    concurrency: { ...AT_ONCE, describe: 'Images read at once' },
    sample: {
      type: 'string',
      requiresArg: true,
      default: '100%',
      describe: 'Read only so many percent of the images',
    },
    ...SOURCE_API,
    ...ENDPOINT,
  },

  async *run(options, { open, log, progress, signal }) {
    const share = parseShare(options.sample)
    await using endpoint = await open(dumpOrServer(options.images), 'sole')
    const totals = {
      ok: 0,
      corrupt: 0,
      missing: 0,
      extra: 0,
      no_digest: 0,
      no_data: 0,
      failed: 0,
      bytes: 0,
    }
    const { concurrency, attempts } = options
    let some = false
    try {
      const findings = verifyImages(endpoint, {
        share,
        concurrency,
        attempts,
        signal,
        onPlanned: ({ size }) => progress.expect(1, size ?? 0),
        onBytes: total => progress.copied(total),
        onRetry: (error, attempt) =>
          log.warning(`attempt ${attempt} after: ${printable(errorRow(error).message)}`),
      })
      for await (const { error, ...finding } of findings) {
        some = true
        progress.finish()
        totals[finding.result] += 1
        if (finding.result === 'ok') totals.bytes += finding.size ?? 0
        yield { ...finding, error: error === null ? null : errorRow(error) }
      }
    } catch (error) {
      if (signal.aborted && some) return { totals, error: errorRow(signal.reason) }
      if (!some || !isGlanceError(error)) throw error
      log.error(printable(error.message))
      return { totals, error: errorRow(error) }
    }
    return { totals, error: null }
  },

  exitStatus: ({ totals, error }) => {
    if (error !== null && error.code !== 'corrupt') return EXIT_STATUS.endpoint
    const { corrupt, missing, extra, failed } = totals
    const wrong = corrupt + missing + extra + failed
    return wrong > 0 || error !== null ? EXIT_STATUS.differences : EXIT_STATUS.done
  },

  views: {
    row: row => {
      const why = row.error === null ? '' : `: ${printable(row.error.message)}`
      return `${labelOf(row)}: ${WORDS[row.result]}${why}`
    },
    summary: ({ totals, error }) => {
      const counts = [
        `${countOf(totals.ok, 'image')} ok (${formatBytes(totals.bytes)})`,
        `${totals.corrupt} corrupt`,
        `${totals.missing} missing`,
        `${totals.extra} extra`,
        ...(totals.no_digest > 0 ? [`${totals.no_digest} without a digest`] : []),
        ...(totals.no_data > 0 ? [`${totals.no_data} without data`] : []),
        ...(totals.failed > 0 ? [`${totals.failed} failed`] : []),
      ].join(', ')
      return error === null ? counts : `${counts}\nthat is not all: ${printable(error.message)}`
    },
  },
}

const WORDS: Readonly<Record<Finding['result'], string>> = {
  ok: 'ok',
  corrupt: 'corrupt',
  missing: 'missing',
  extra: 'extra',
  no_digest: 'not proved, it has no digest',
  no_data: 'no data',
  failed: 'failed',
}

/** `10%` or `10` as a share of one. @throws {GlanceError} `usage`. */
function parseShare(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]
  const share = Number(percent) / 100
  if (percent === undefined || share <= 0 || share > 1) {
    throw new GlanceError('usage', `--sample: expected a percentage such as 10%, up to 100%`)
  }
  return share
}
