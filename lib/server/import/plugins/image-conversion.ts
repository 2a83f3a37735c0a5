import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { GlanceError, messageOf } from '../../../errors.ts'
import { inspected } from '../../domain/inspection.ts'
import type { ImportWork } from '../work.ts'
import { pathOf } from './staged.ts'

/** What qemu-img calls the disk formats that it may be given; others are not converted. */
const QEMU_FORMATS: ReadonlyMap<string, string> = new Map([
  ['qcow2', 'qcow2'],
  ['raw', 'raw'],
  ['vdi', 'vdi'],
  ['vhd', 'vpc'],
  ['vhdx', 'vhdx'],
  ['vmdk', 'vmdk'],
])

/** Milliseconds that qemu-img may take to look at an image. */
const LOOK_MS = 30_000

/**
 * Converts the staged data with qemu-img, which has to be installed, and makes the image say so. Data that names other
 * files is refused. @throws {GlanceError} `unsupported`, `unsupported_media_type`, `corrupt`, `unavailable`.
 */
export async function imageConversion(work: ImportWork): Promise<void> {
  const { outputFormat } = work.importer
  const { diskFormat, containerFormat } = await work.image()
  const format = QEMU_FORMATS.get(diskFormat ?? '')
  if (format === undefined) {
    throw new GlanceError('unsupported', `unable to convert from format ${diskFormat}`)
  }
  const path = pathOf(work.staged.url)
  await requireSafe(work, diskFormat)
  const info = await look(path, format, work)
  await work.edit(() => ({ virtualSize: info.virtualSize }))
  if (diskFormat === outputFormat) return
  // As the file store names what it writes, so that its recovery finds it.
  const partial = join(dirname(path), `.${work.job.task.id}.${randomUUID()}.partial`)
  try {
    const convert = ['convert', '-f', format, '-O', outputFormat, path, partial]
    await work.waitingFor(signal => qemuImg(convert, signal), `Converting to ${outputFormat}`)
    const { spare } = work
    await rename(partial, pathOf(spare.url))
    await work.moveStaged(spare)
  } finally {
    await rm(partial, { force: true })
  }
  const { size } = await work.stagedSource()
  work.onFailure(() => ({ diskFormat, containerFormat }))
  await work.edit(() => ({ diskFormat: outputFormat, containerFormat: 'bare', size }))
}

/** As Glance: nothing that might lead it elsewhere is shown to qemu-img. @throws {GlanceError} `unsupported_media_type`. */
async function requireSafe(work: ImportWork, diskFormat: string | null): Promise<void> {
  const { size, open } = await work.stagedSource()
  const image = { containerFormat: 'bare', diskFormat }
  const { data } = inspected(work.beating(await open()), image, size, work.service.formats)
  for await (const _ of data); // What is wrong with it shows at the end.
}

async function look(
  path: string,
  format: string,
  { service, signal }: ImportWork,
): Promise<{ readonly virtualSize: number | null }> {
  const parameters = ['info', '-f', format, '--output=json', path]
  const info: unknown = JSON.parse(await qemuImg(parameters, signal, LOOK_MS))
  if (field(info, 'format') !== format) {
    throw new GlanceError('corrupt', 'image metadata disagrees about format')
  }
  if (field(info, 'backing-filename') !== undefined) {
    throw new GlanceError('corrupt', 'QCOW images with backing files are not allowed')
  }
  const specific = field(field(info, 'format-specific'), 'data')
  if (field(specific, 'data-file') !== undefined) {
    throw new GlanceError('corrupt', 'QCOW images with data-file set are not allowed')
  }
  const createType = field(specific, 'create-type')
  if (format === 'vmdk' && !service.formats.vmdkTypes.some(type => type === createType)) {
    throw new GlanceError('corrupt', 'invalid VMDK create-type specified')
  }
  const virtualSize = field(info, 'virtual-size')
  return { virtualSize: typeof virtualSize === 'number' ? virtualSize : null }
}

async function qemuImg(
  parameters: readonly string[],
  signal: AbortSignal,
  timeout = 0,
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('qemu-img', parameters, { signal, timeout })
    return stdout
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new GlanceError('unsupported', 'qemu-img is not installed', { cause: error })
    }
    // It names files of ours, which are no business of a client's.
    const words = messageOf(error).split('\n').at(1) ?? ''
    const reason = words.replaceAll(/'[^']*'/g, 'the image')
    throw new GlanceError('corrupt', `qemu-img: ${reason}`, { cause: error })
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name] // Any object may be asked.
    : undefined
}
