import type { Adopted } from '../database/import/adopt.ts'
import type { NoteCode } from '../database/import/note.ts'
import { countOf, labelOf, printable } from './format.ts'

type Counts = Record<Adopted['result'], number>

/** What the rows of an import add up to. */
export interface ImportTotals {
  readonly images: Counts
  /** Images among the imported ones whose ids only stay taken. */
  readonly deleted: number
  /** Memberships of imported images. */
  readonly members: number
  readonly tasks: Counts
  readonly namespaces: Counts
  /** How many images something is told of, by what it is. */
  readonly notes: Readonly<Partial<Record<NoteCode, number>>>
}

/** Adds up the rows of an import. */
export class ImportTally {
  readonly #totals = {
    images: none(),
    deleted: 0,
    members: 0,
    tasks: none(),
    namespaces: none(),
    notes: {} as Partial<Record<NoteCode, number>>,
  }

  count({ type, result, status, members, notes }: Adopted): void {
    const totals = this.#totals
    totals[`${type}s`][result] += 1
    if (type === 'image' && result === 'imported') {
      totals.members += members
      if (status === 'deleted') totals.deleted += 1
    }
    for (const code of new Set(notes.map(note => note.code))) {
      totals.notes[code] = (totals.notes[code] ?? 0) + 1
    }
  }

  get totals(): ImportTotals {
    return structuredClone(this.#totals)
  }
}

function none(): Counts {
  return { imported: 0, same: 0, different: 0, refused: 0 }
}

/** A line for people; undefined for what was there already and is the same. */
export function describeAdopted(adopted: Adopted, dryRun: boolean): string | undefined {
  const { type, id, result, notes } = adopted
  if (result === 'same') return undefined
  const label = type === 'image' ? labelOf(adopted) : `${type} ${printable(id)}`
  // Of what is so of all images or of none the last line tells once.
  const own = notes.filter(({ code }) => code !== 'other_folder')
  const told = own.map(({ text }) => `; ${printable(text)}`).join('')
  return `${label}: ${outcomeOf(adopted, dryRun)}${told}`
}

function outcomeOf({ result, reason, fields, status }: Adopted, dryRun: boolean): string {
  if (result === 'refused') return `refused: ${printable(reason ?? '')}`
  if (result === 'different') return `there already, and different: ${fields.join(', ')}`
  const imported = dryRun ? 'to be imported' : 'imported'
  return status === 'deleted' ? `${imported} as deleted` : imported
}

/** What is told of images, by what it is, after how many they are. */
const NOTES: Readonly<Record<NoteCode, string>> = {
  old_id_replaced: 'with a kernel or ramdisk by its old id, which is the new one now',
  old_id_unknown: 'with a kernel or ramdisk by an old id that cannot be resolved',
  no_store: 'with data where no store of this service reads it',
  other_folder:
    "with data in a folder that is no store's here: it is read, and not deleted with them",
  restored: 'that was restored, and where its data is with it',
  no_location: 'active without a location',
  unfinished: 'in the middle of an upload or an import',
  location_metadata: 'with metadata of a location that is lost',
  member_status: 'with members that have to accept it anew',
}

/** Lines for people. */
export function describeTotals(totals: ImportTotals, dryRun: boolean): string {
  const { images, deleted, members, tasks, namespaces, notes } = totals
  const lines = [
    counted(images, 'image', dryRun),
    `${countOf(members, 'member')} with them; ${deleted} of them deleted`,
    ...(sum(tasks) === 0 ? [] : [counted(tasks, 'task', dryRun)]),
    ...(sum(namespaces) === 0 ? [] : [counted(namespaces, 'metadata namespace', dryRun)]),
  ]
  for (const [code, text] of Object.entries(NOTES)) {
    const count = notes[code as NoteCode] ?? 0 // The keys are those of the record.
    if (count > 0) lines.push(`${countOf(count, 'image')} ${text}`)
  }
  return lines.join('\n')
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function counted({ imported, same, different, refused }: Counts, noun: string, dryRun: boolean) {
  const done = dryRun ? 'to be imported' : 'imported'
  return `${countOf(imported, noun)} ${done}, ${same} the same, ${different} different, ${refused} refused`
}
