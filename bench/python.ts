/**
 * A shell command: what somebody would write in Python to relay an image from URL to URL and hash it on its way, by
 * these of `hashlib`.
 */
export function pythonRelay(from: string, to: string, digests: readonly string[]): string {
  return python(
    [
      'from urllib.parse import urlsplit as split',
      'import hashlib, http.client, sys',
      'source, target = split(sys.argv[1]), split(sys.argv[2])',
      'one, other = (http.client.HTTPConnection(at.hostname, at.port) for at in (source, target))',
      'one.request("GET", source.path)',
      'data = one.getresponse()',
      `hashes = [hashlib.new(name) for name in ${JSON.stringify(digests)}]`,
      'def chunks():',
      '    while chunk := data.read(65536):',
      '        for each in hashes: each.update(chunk)',
      '        yield chunk',
      'headers = {"content-type": "application/octet-stream", "content-length": data.getheader("content-length")}',
      'other.request("PUT", target.path, body=chunks(), headers=headers)',
      'sys.exit(0 if other.getresponse().status == 204 else 1)',
    ],
    [from, to],
  )
}

/** As {@link pythonRelay} by MD5 and SHA-512, into a file. */
export function pythonDump(from: string, file: string): string {
  return python(
    [
      'import hashlib, sys, urllib.request',
      'hashes = hashlib.md5(), hashlib.sha512()',
      'with urllib.request.urlopen(sys.argv[1]) as data, open(sys.argv[2], "wb") as file:',
      '    while chunk := data.read(65536):',
      '        for each in hashes: each.update(chunk)',
      '        file.write(chunk)',
    ],
    [from, file],
  )
}

function python(lines: readonly string[], args: readonly string[]): string {
  return ['/usr/bin/python3', '-c', lines.join('\n'), ...args].map(quoted).join(' ')
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
