import { GlanceError } from '../errors.ts'
import { type Node, parseRegex } from './regex-syntax.ts'

/** Finds what a regular expression matches: all of it, then its first group; null where there is none. */
export type Regex = (text: string) => readonly (string | undefined)[] | null

/** One step of the machine. `split` tries `first` before `second`. */
type Instruction =
  | { readonly type: 'take'; readonly takes: (character: string) => boolean }
  | { readonly type: 'assert'; readonly what: '^' | '$' | 'b' | 'B' }
  | { readonly type: 'split'; first: number; second: number }
  | { readonly type: 'jump'; to: number }
  | { readonly type: 'save'; readonly slot: number }
  | { readonly type: 'done' }

/** How much of a match is kept: all of it, and the first group. */
const SAVED = 2
/** Instructions, at most: what a text can cost is this many steps for each of its characters. */
const LONGEST_PROGRAM = 1000

/**
 * Compiles a regular expression for a machine that goes through a text once, in all ways at the same time, so that no
 * expression takes more than linear time: there are no references back and no looking ahead.
 * @throws {GlanceError} `usage`, also for one that is too large.
 */
export function compileRegex(source: string, ignoreCase: boolean): Regex {
  const { node } = parseRegex(source, ignoreCase)
  const program: Instruction[] = []
  const emit = (instruction: Instruction) => {
    if (program.length >= LONGEST_PROGRAM) {
      throw new GlanceError('usage', `the regular expression /${source}/ is too large`)
    }
    program.push(instruction)
  }
  compile({ type: 'group', index: 0, node }, program, emit)
  emit({ type: 'done' })
  return text => execute(program, Array.from(text))
}

function compile(
  node: Node,
  program: readonly Instruction[],
  emit: (instruction: Instruction) => void,
): void {
  switch (node.type) {
    case 'character':
      return emit({ type: 'take', takes: node.takes })
    case 'assertion':
      return emit({ type: 'assert', what: node.what })
    case 'sequence':
      for (const part of node.nodes) compile(part, program, emit)
      return
    case 'group':
      // What the others match nobody asks for, and it would have to be written down for every character.
      if (node.index === null || node.index >= SAVED) return compile(node.node, program, emit)
      emit({ type: 'save', slot: 2 * node.index })
      compile(node.node, program, emit)
      return emit({ type: 'save', slot: 2 * node.index + 1 })
    case 'choice': {
      const ends: { type: 'jump'; to: number }[] = []
      for (const [i, part] of node.nodes.entries()) {
        const isLast = i === node.nodes.length - 1
        const split = { type: 'split' as const, first: program.length + 1, second: 0 }
        if (!isLast) emit(split)
        compile(part, program, emit)
        if (isLast) break
        const end = { type: 'jump' as const, to: 0 }
        emit(end)
        ends.push(end)
        split.second = program.length
      }
      for (const end of ends) end.to = program.length
      return
    }
    case 'repeat': {
      const { node: part, least, most, greedy } = node
      const start = program.length
      for (let i = 0; i < least; i += 1) {
        compile(part, program, emit)
        if (program.length === start) return // Nothing remains nothing, however often.
      }
      const again = (body: () => void) => {
        const split = { type: 'split' as const, first: program.length + 1, second: 0 }
        emit(split)
        body()
        split.second = program.length
        if (!greedy) [split.first, split.second] = [split.second, split.first]
      }
      if (most === Infinity) {
        const loop = program.length
        again(() => {
          compile(part, program, emit)
          emit({ type: 'jump', to: loop })
        })
        return
      }
      const optional = (left: number): void => {
        if (left === 0) return
        again(() => {
          compile(part, program, emit)
          optional(left - 1)
        })
      }
      return optional(most - least)
    }
  }
}

/** Where in the program one way of matching is, and what it has saved. */
interface Thread {
  readonly at: number
  readonly saved: readonly (number | undefined)[]
}

function execute(
  program: readonly Instruction[],
  characters: readonly string[],
): readonly (string | undefined)[] | null {
  let threads: Thread[] = []
  /** The last position at which each instruction was reached, from 1 on. */
  const visited = new Uint32Array(program.length)
  let found: Thread['saved'] | undefined
  for (let position = 0; position <= characters.length; position += 1) {
    const next: Thread[] = []
    // The ways that go on come before one that begins here, so that the leftmost match wins.
    const ready = threads
    const follow = (at: number, saved: Thread['saved']): void => {
      if (visited[at] === position + 1) return
      visited[at] = position + 1
      const instruction = program[at]
      switch (instruction?.type) {
        case 'jump':
          return follow(instruction.to, saved)
        case 'split':
          follow(instruction.first, saved)
          return follow(instruction.second, saved)
        case 'save':
          return follow(at + 1, saved.with(instruction.slot, position))
        case 'assert':
          if (holds(instruction.what, characters, position)) follow(at + 1, saved)
          return
        case 'take':
        case 'done':
        case undefined:
          next.push({ at, saved })
      }
    }
    for (const { at, saved } of ready) follow(at, saved)
    if (found === undefined) {
      follow(0, Array.from<number | undefined>({ length: 2 * SAVED }))
    }
    threads = []
    for (const { at, saved } of next) {
      const instruction = program[at]
      if (instruction?.type === 'done') {
        found = saved
        break // What comes after it has less right.
      }
      const character = characters[position]
      if (instruction?.type === 'take' && character !== undefined && instruction.takes(character)) {
        threads.push({ at: at + 1, saved })
      }
    }
    if (found !== undefined && threads.length === 0) break
  }
  if (found === undefined) return null
  const saved = found
  return Array.from({ length: SAVED }, (_, group) => {
    const [from, to] = [saved[2 * group], saved[2 * group + 1]]
    return from === undefined || to === undefined ? undefined : characters.slice(from, to).join('')
  })
}

function holds(
  what: '^' | '$' | 'b' | 'B',
  characters: readonly string[],
  position: number,
): boolean {
  if (what === '^') return position === 0
  if (what === '$') return position === characters.length
  const isWord = (character = '') => /^\w$/.test(character)
  const isBoundary = isWord(characters[position - 1]) !== isWord(characters[position])
  return isBoundary === (what === 'b')
}
