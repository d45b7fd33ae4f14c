"""Does an onboarding come to the same end, whatever is killed, full or out of reach in between?"""
