import { listSelected } from '../../replicate/select.ts'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { formatBytes } from '../format.ts'
import { type ApiOptions, ENDPOINT, type EndpointOptions, SOURCE_API } from '../options.ts'
import {
  readSelection,
  SELECTION,
  type SelectionOptions,
  selectionSummary,
  type SelectionSummary,
} from '../selection.ts'

export interface SizeOptions extends EndpointOptions, ApiOptions, SelectionOptions {
  readonly source: string
}

export interface SizeSummary extends SelectionSummary {
  readonly totals: {
    /** Active ones. */
    readonly images: number
    readonly bytes: number
  }
}

export interface SizeRow {
  readonly id: string
  readonly name: string | null
  /** Bytes. */
  readonly size: number
}

export const size: Command<SizeOptions, SizeRow, SizeSummary> = {
  name: 'size',
  summary: 'Add up the sizes of all active images',
  positionals: {
    source: {
      type: 'string',
      describe: 'The server whose images are added up: an address or cloud:NAME',
    },
  },
  options: { ...SELECTION, ...SOURCE_API, ...ENDPOINT },

  async *run(options, { open, log, signal }) {
    const selection = await readSelection(options, new Date())
    await using source = await open(options.source, 'sole')
    let images = 0
    let bytes = 0
    for await (const image of listSelected(source, selection, { signal })) {
      if (image.status !== 'active') continue
      images += 1
      bytes += image.size ?? 0
      yield { id: image.id, name: image.name, size: image.size ?? 0 }
    }
    return { totals: { images, bytes }, ...selectionSummary(selection, options, log) }
  },

  exitStatus: ({ not_found: missing = [] }) =>
    missing.length > 0 ? EXIT_STATUS.differences : EXIT_STATUS.done,

  views: {
    row: () => undefined,
    summary: ({ totals: { images, bytes } }) =>
      `Total size is ${bytes} bytes (${formatBytes(bytes)}) across ${images} images`,
  },
}
