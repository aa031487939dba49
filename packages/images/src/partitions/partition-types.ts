/** What the types of partitions mean: those that people meet. */

const gptTypes: Readonly<Record<string, string>> = {
  'C12A7328-F81F-11D2-BA4B-00A0C93EC93B': 'EFI System',
  '21686148-6449-6E6F-744E-656564454649': 'BIOS boot',
  '024DEE41-33E7-11D3-9D69-0008C781F39F': 'MBR partition scheme',
  '0FC63DAF-8483-4772-8E79-3D69D8477DE4': 'Linux filesystem',
  '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F': 'Linux swap',
  'E6D6D379-F507-44C2-A23C-238F2A3DF928': 'Linux LVM',
  'A19D880F-05FC-4D3B-A006-743F0F84911E': 'Linux RAID',
  'CA7D7CCB-63ED-4C53-861C-1742536059CC': 'Linux LUKS',
  'BC13C2FF-59E6-4262-A352-B275FD6F7172': 'Linux extended boot',
  '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709': 'Linux root (x86-64)',
  'B921B045-1DF0-41C3-AF44-4C6F280D3FAE': 'Linux root (ARM-64)',
  '933AC7E1-2EB4-4F13-B844-0E14E2AEF915': 'Linux home',
  'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7': 'Microsoft basic data',
  'E3C9E316-0B5C-4DB8-817D-F92DF00215AE': 'Microsoft reserved',
  'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC': 'Windows recovery environment',
  '5808C8AA-7E8F-42E0-85D2-E1E90434CFB3': 'Microsoft LDM metadata',
  'AF9B60A0-1431-4F62-BC68-3311714A69AD': 'Microsoft LDM data',
  '48465300-0000-11AA-AA11-00306543ECAC': 'Apple HFS/HFS+',
  '7C3457EF-0000-11AA-AA11-00306543ECAC': 'Apple APFS',
  '516E7CB6-6ECF-11D6-8FF8-00022D09712B': 'FreeBSD UFS',
  '516E7CBA-6ECF-11D6-8FF8-00022D09712B': 'FreeBSD ZFS',
  '6A898CC3-1DD2-11B2-99A6-080020736631': 'Solaris /usr & Apple ZFS',
  '6A945A3B-1DD2-11B2-99A6-080020736631': 'Solaris reserved 1',
};

const mbrTypes: Readonly<Record<string, string>> = {
  '01': 'FAT12',
  '04': 'FAT16 <32M',
  '05': 'Extended',
  '06': 'FAT16',
  '07': 'HPFS/NTFS/exFAT',
  '0b': 'W95 FAT32',
  '0c': 'W95 FAT32 (LBA)',
  '0e': 'W95 FAT16 (LBA)',
  '0f': "W95 Ext'd (LBA)",
  '27': 'Hidden NTFS WinRE',
  '42': 'SFS',
  '82': 'Linux swap / Solaris',
  '83': 'Linux',
  '85': 'Linux extended',
  '8e': 'Linux LVM',
  a5: 'FreeBSD',
  a6: 'OpenBSD',
  af: 'HFS / HFS+',
  da: 'Non-FS data',
  ee: 'GPT',
  ef: 'EFI (FAT-12/16/32)',
  fd: 'Linux raid autodetect',
};

/** What a type of GPT means; `undefined` for those that we do not know. */
export function gptTypeName(guid: string): string | undefined {
  return gptTypes[guid];
}

/** What a type of MBR means; `undefined` for those that we do not know. */
export function mbrTypeName(type: string): string | undefined {
  return mbrTypes[type];
}
