"""The 2019 weekend against stand-in providers: what each family would have got, played at 1,800 times the speed.

`alertd demo` is `alertd up --sandbox` with 200 sample families and the script of that weekend. It ends with a
report, judged from the stand-ins' own log by code that shares nothing with the daemon.
"""
