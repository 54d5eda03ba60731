"""desec-dns (pip install desec-dns): its command `desec` with the address of another server, which
it has no option for.

    DESEC_TOKEN=sc_YOUR_TOKEN python3 desec_dns.py get-records user1.starchart.com
"""

import sys

import desec.api
from desec.cli import main

desec.api.API_BASE_URL = "https://starchart.example.edu/api/v1"
sys.exit(main())
