/** Environment for Debian's entry points: they run Debian's Python, and what is meant for another one is kept out. */
export const DEBIAN_PYTHON = {
  PYTHONPATH: undefined,
  PYTHONHOME: undefined,
  PYTHONDONTWRITEBYTECODE: '1',
} as const
