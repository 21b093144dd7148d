/** What `/version` answers. The behaviour follows 1.20, the release that the conformance suite compares with. */
export const VERSION = {
  major: '1',
  minor: '20',
  gitVersion: 'v1.20.2+devcluster',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};
