import type { Bytes } from './bytes.ts'
import { limitSize } from './limit-size.ts'

/** All of a small document as text. @throws {GlanceError} `over_limit` when it has more than `limit` bytes. */
export async function collectText(data: Bytes, limit: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of limitSize(data, limit)) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
