# Installs bro-osquery beside osquery's own package on Windows, from an elevated PowerShell:
#   .\install.ps1 -Zeek zeek.example.com:9999
# Not run by its makers, who have no Windows: check.ps1 checks what it did.
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding()]
param(
    # Address of a Zeek, or several.
    [Parameter(Mandatory = $true)] [string[]] $Zeek,
    # Files in PEM.
    [string] $Ca,
    [string] $Certificate,
    [string] $Key,
    # Restart osqueryd, and look whether all is right then.
    [switch] $Restart
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$folder = 'C:\Program Files\osquery\extensions'
$extension = Join-Path $folder 'bro-osquery.ext.exe'
$source = Join-Path $PSScriptRoot 'bro-osquery.ext.exe'

if (-not (Test-Path 'C:\Program Files\osquery\osqueryd\osqueryd.exe')) {
    throw 'There is no C:\Program Files\osquery\osqueryd\osqueryd.exe: install osquery first.'
}

function Protect-Path([string] $Path, [string] $Inherited) {
    # Owner Administrators, inheritance cut, nobody else may write: osqueryd loads nothing else. The identifiers are
    # those of Administrators, SYSTEM and Users in every language of Windows.
    & icacls $Path /setowner '*S-1-5-32-544' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "icacls can't set the owner of $Path" }
    & icacls $Path /inheritance:r /grant:r "*S-1-5-18:${Inherited}F" "*S-1-5-32-544:${Inherited}F" "*S-1-5-32-545:${Inherited}RX" | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "icacls can't set the permissions of $Path" }
}

New-Item -ItemType Directory -Force -Path $folder | Out-Null
Protect-Path $folder '(OI)(CI)'

# What a browser has downloaded is marked; and a program that runs can be renamed, but not written.
Unblock-File -Path $source
Get-ChildItem -Path $folder -Filter 'bro-osquery.ext.exe.old*' | Remove-Item -Force -ErrorAction SilentlyContinue
if (Test-Path $extension) {
    Move-Item -Path $extension -Destination ('{0}.old{1}' -f $extension, (Get-Date -Format 'yyyyMMddHHmmss'))
}
Copy-Item -Path $source -Destination $extension
Protect-Path $extension ''

$words = @('setup', '--zeek') + $Zeek
if ($Ca) { $words += @('--ca', $Ca) }
if ($Certificate) { $words += @('--certificate', $Certificate) }
if ($Key) { $words += @('--key', $Key) }
if ($Restart) { $words += '--restart' }
& $extension @words
exit $LASTEXITCODE
