# Terraform: a provider for deSEC's API, or one for PowerDNS' API; either is enough. Give the token
# as TF_VAR_token=sc_YOUR_TOKEN. The domain exists already: manage its records only.
terraform {
  required_providers {
    desec = {
      source = "Valodim/desec"
    }
    powerdns = {
      source = "pan-net/powerdns"
    }
  }
}

variable "token" {
  type      = string
  sensitive = true
}

provider "desec" {
  api_uri   = "https://starchart.example.edu/api/v1"
  api_token = var.token
}

# This provider takes no TTL below an hour.
resource "desec_rrset" "www" {
  domain  = "user1.starchart.com"
  subname = "www"
  type    = "A"
  records = ["192.0.2.1"]
  ttl     = 3600
}

provider "powerdns" {
  server_url = "https://starchart.example.edu"
  api_key    = var.token
}

resource "powerdns_record" "blog" {
  zone    = "user1.starchart.com."
  name    = "blog.user1.starchart.com."
  type    = "CNAME"
  ttl     = 300
  records = ["you.github.io."]
}
