import { describe, expect, it } from 'vitest';
import { addressKind, refusal } from '../../src/http/address.js';

describe('addressKind', () => {
  it.each([
    ['10.0.0.1', 'ordinary'],
    ['192.168.1.1', 'ordinary'],
    ['100.64.0.1', 'ordinary'],
    ['8.8.8.8', 'ordinary'],
    ['126.255.255.255', 'ordinary'],
    ['128.0.0.0', 'ordinary'],
    ['169.253.255.255', 'ordinary'],
    ['169.255.0.0', 'ordinary'],
    ['223.255.255.255', 'ordinary'],
    ['fd00::1', 'ordinary'],
    ['2001:db8::1', 'ordinary'],
    ['64:ff9b::8.8.8.8', 'ordinary'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['2002:7f00:1::', 'loopback'],
    ['169.254.169.254', 'linkLocal'],
    ['169.254.0.0', 'linkLocal'],
    ['169.254.255.255', 'linkLocal'],
    ['::ffff:169.254.169.254', 'linkLocal'],
    ['64:ff9b::a9fe:a9fe', 'linkLocal'],
    ['2002:a9fe:a9fe::1', 'linkLocal'],
    ['100.100.100.200', 'linkLocal'],
    ['168.63.129.16', 'linkLocal'],
    ['192.0.0.192', 'linkLocal'],
    ['fe80::1', 'linkLocal'],
    ['fe80::1%eth0', 'linkLocal'],
    ['febf::1', 'linkLocal'],
    ['fd00:ec2::254', 'linkLocal'],
    ['fd20:ce::254', 'linkLocal'],
    ['0.0.0.0', 'unusable'],
    ['0.1.2.3', 'unusable'],
    ['224.0.0.1', 'unusable'],
    ['239.255.255.255', 'unusable'],
    ['240.0.0.1', 'unusable'],
    ['255.255.255.255', 'unusable'],
    ['::', 'unusable'],
    ['::2', 'unusable'],
    ['ff02::1', 'unusable'],
    ['2001::1', 'unusable'],
    ['', 'unusable'],
    ['localhost', 'unusable'],
    ['127.1', 'unusable'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });
});

describe('refusal', () => {
  it('lets through what the policy allows, and nothing makes a group of hosts a target', () => {
    const all = { loopback: true, linkLocal: true };
    const none = { loopback: false, linkLocal: false };
    expect([refusal('10.0.0.1', none), refusal('127.0.0.1', all), refusal('169.254.1.1', all)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(refusal('127.0.0.1', { loopback: false, linkLocal: true })?.why).toBe(
      'leads to 127.0.0.1, a loopback address',
    );
    expect(refusal('fe80::1', { loopback: true, linkLocal: false })?.why).toContain('link-local or metadata');
    expect(refusal('224.0.0.1', all)?.why).toContain('no address of a single host');
  });
});
