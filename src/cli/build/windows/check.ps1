# Checks an installation on Windows, from an elevated PowerShell, and says what is wrong: .\check.ps1
# Its makers have no Windows. Please send what it prints with a report.
#Requires -Version 5.1
#Requires -RunAsAdministrator
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$root = 'C:\Program Files\osquery'
$folder = Join-Path $root 'extensions'
$extension = Join-Path $folder 'bro-osquery.ext.exe'
$pipe = '\\.\pipe\osquery.em'
$script:failures = 0

function Test-Step([string] $What, [scriptblock] $Test) {
    try {
        $said = & $Test
        if ($said -is [bool] -and -not $said) { throw 'it is not so' }
        Write-Output "ok       $What"
    } catch {
        $script:failures += 1
        Write-Output "problem  $What"
        Write-Output "           $($_.Exception.Message)"
    }
}

function Invoke-Extension([string[]] $Words) {
    $said = & $extension @Words 2>&1 | Out-String
    if ($LASTEXITCODE -ne 0) { throw "exit code ${LASTEXITCODE}: $said" }
    return $said
}

# Owner Administrators or SYSTEM, inheritance cut, and nobody else may write.
function Assert-Protected([string] $Path) {
    $acl = Get-Acl -Path $Path
    $owner = $acl.GetOwner([System.Security.Principal.SecurityIdentifier]).Value
    if ($owner -notin @('S-1-5-32-544', 'S-1-5-18')) { throw "its owner is $owner" }
    if (-not $acl.AreAccessRulesProtected) { throw 'it inherits permissions' }
    $rules = $acl.GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])
    $writing = [System.Security.AccessControl.FileSystemRights]'WriteData, AppendData, WriteAttributes, Delete, ChangePermissions, TakeOwnership'
    foreach ($rule in $rules) {
        $isTheirs = $rule.IdentityReference.Value -notin @('S-1-5-32-544', 'S-1-5-18')
        $isWriting = ([int]$rule.FileSystemRights -band [int]$writing) -ne 0
        if ($isTheirs -and $isWriting -and $rule.AccessControlType -eq 'Allow') {
            throw "$($rule.IdentityReference.Value) may write it"
        }
    }
}

function Get-ExtensionId { return [int](Invoke-Extension @('status', '--json') | ConvertFrom-Json).pid }

Write-Output ([System.Environment]::OSVersion.VersionString)
Test-Step 'osqueryd is there' { Test-Path "$root\osqueryd\osqueryd.exe" }
Test-Step 'the executable runs' { Invoke-Extension @('--version') }
Test-Step 'osqueryd may load the executable' { Assert-Protected $extension }
Test-Step 'nobody else may write into its folder' { Assert-Protected $folder }
Test-Step 'what setup wrote is still so' { Invoke-Extension @('setup', '--undo', '--dry-run') }
Test-Step 'the service runs' { (Get-Service -Name osqueryd).Status -eq 'Running' }
Test-Step 'osqueryd answers on its pipe' { [System.IO.Directory]::GetFiles('\\.\pipe\') -contains $pipe }
Test-Step 'osqueryd knows the extension' {
    $said = & "$root\osqueryi.exe" --connect $pipe --json 'SELECT name FROM osquery_extensions' | Out-String
    $said -match 'bro-osquery'
}
Test-Step 'the extension answers' { Invoke-Extension @('status') }
Test-Step 'doctor finds nothing wrong' { Invoke-Extension @('doctor') }
Test-Step 'the configuration is read again without a signal' { Invoke-Extension @('reload') }
Test-Step 'osqueryd starts a killed extension again' {
    $before = Get-ExtensionId
    Stop-Process -Id $before -Force
    foreach ($second in 1..20) {
        Start-Sleep -Seconds 1
        try { if ((Get-ExtensionId) -ne $before) { return $true } } catch { Write-Verbose "not yet ($second s)" }
    }
    throw 'no other process after 20 s'
}

if ($script:failures -gt 0) {
    Write-Output "$($script:failures) problems"
    exit 1
}
Write-Output 'all is right'
