$folder = "$env:ProgramData\starchart-fetch"
New-Item -ItemType Directory -Force $folder | Out-Null
icacls $folder /inheritance:r /grant "*S-1-5-18:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F" | Out-Null
Set-Content "$folder\fetch.ps1" @'
$ErrorActionPreference = "Stop"
$folder = "$env:ProgramData\starchart-fetch"
$password = [guid]::NewGuid().ToString("N")
$headers = @{
  "Authorization" = "Bearer @TOKEN@"
  "Machine-Name" = $env:COMPUTERNAME
  "Pkcs12-Password" = $password
}
if (Test-Path "$folder\etag") { $headers["If-None-Match"] = (Get-Content "$folder\etag") }
try {
  $answer = Invoke-WebRequest -UseBasicParsing -Headers $headers -OutFile "$folder\new.p12" `
    -PassThru "@ORIGIN@/api/v1/certificate/p12"
} catch {
  if ($_.Exception.Response.StatusCode.value__ -eq 304) { exit 0 }
  throw
}
$secret = ConvertTo-SecureString $password -AsPlainText -Force
$imported = Import-PfxCertificate "$folder\new.p12" -CertStoreLocation Cert:\LocalMachine\My `
  -Password $secret
Remove-Item "$folder\new.p12"
Import-Module WebAdministration
Get-WebBinding -Protocol https | ForEach-Object {
  $_.AddSslCertificate($imported.Thumbprint, "My")
}
Set-Content "$folder\etag" ($answer.Headers["ETag"] | Select-Object -First 1)
'@
$action = New-ScheduledTaskAction -Execute powershell.exe `
  -Argument "-NoProfile -ExecutionPolicy Bypass -File `"$folder\fetch.ps1`""
$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date) `
  -RepetitionInterval (New-TimeSpan -Hours 1)
Register-ScheduledTask -TaskName starchart-fetch -User SYSTEM -RunLevel Highest `
  -Action $action -Trigger $trigger -Force
